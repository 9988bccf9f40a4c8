#include "app/version.h"

#include <commit.h>  // made by the build

namespace saesweep::app {

std::string version() {
  const std::string commit = SAESWEEP_COMMIT;
  return commit.empty() ? SAESWEEP_VERSION : SAESWEEP_VERSION "+" + commit;
}

}  // namespace saesweep::app
