#include "sweep/output_folders.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "base/errors.h"

namespace saesweep::sweep {

namespace {

std::optional<int> number_in(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

//! "2-of-8".
std::string folder_name(const Shard& shard) {
  return fmt::format("{}-of-{}", shard.index, shard.count);
}

bool is_shard_folder(const std::filesystem::path& folder) {
  const std::string name = folder.filename();
  const size_t place = name.find("-of-");
  return place != std::string::npos && number_in(std::string_view(name).substr(0, place)) &&
         number_in(std::string_view(name).substr(place + 4));
}

}  // namespace

std::string Shard::text() const {
  return is_whole() ? "" : fmt::format("{}/{}", index, count);
}

Shard parse_shard(const std::string& text) {
  const size_t slash = text.find('/');
  const std::string_view view = text;
  const auto index = number_in(view.substr(0, std::min(slash, text.size())));
  const auto count = slash == std::string::npos ? std::nullopt : number_in(view.substr(slash + 1));
  if (!index || !count || *count < 1 || *index < 0 || *index >= *count) {
    throw ConfigError("--shard", fmt::format("found '{}', expected I/N with I from 0 to N-1, as 0/4 for the first of "
                                             "four shards",
                                             text));
  }
  return {*index, *count};
}

OutputFolders::OutputFolders(std::filesystem::path output, Shard shard) : root_(std::move(output)), shard_(shard) {
  own_ = shard.is_whole() ? root_ : root_ / "shards" / folder_name(shard);
}

std::vector<std::filesystem::path> OutputFolders::others() const {
  std::vector<std::filesystem::path> folders;
  std::error_code unreadable;
  if (own_ != root_ && std::filesystem::is_directory(root_, unreadable)) folders.push_back(root_);
  for (const auto& entry : std::filesystem::directory_iterator(root_ / "shards", unreadable)) {
    if (is_shard_folder(entry.path()) && entry.path() != own_) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace saesweep::sweep
