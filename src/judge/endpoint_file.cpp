#include "judge/endpoint_file.h"

#include <fstream>
#include <vector>

#include "http/url.h"

namespace saesweep::judge {

namespace {

std::string trimmed(const std::string& line) {
  const size_t begin = line.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return "";
  return line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
}

}  // namespace

std::string base_of(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::optional<Address> read_endpoint_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; lines.size() < 2 && std::getline(in, line);) {
    line = trimmed(line);
    if (!line.empty() && !line.starts_with('#')) lines.push_back(line);
  }
  if (lines.empty() || !http::is_url(lines[0])) return std::nullopt;
  return Address{base_of(lines[0]), lines.size() > 1 ? lines[1] : ""};
}

}  // namespace saesweep::judge
