#include "base/json.h"

#include "base/errors.h"
#include "base/files.h"

namespace saesweep {

Json read_json(const std::filesystem::path& path) {
  return parse_json(read_file(path), path.string());
}

Json parse_json(std::string_view text, const std::string& where) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    throw InputError(where, std::string("is not JSON: ") + error.what());
  }
}

}  // namespace saesweep
