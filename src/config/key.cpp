#include "config/key.h"

namespace saesweep::config {

std::string list_keys() {
  return list_keys(tables());
}

}  // namespace saesweep::config
