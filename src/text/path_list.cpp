#include "text/path_list.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <glob.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string_view>

#include "base/errors.h"
#include "base/files.h"
#include "base/suggest.h"

namespace saesweep::text {

namespace fs = std::filesystem;

namespace {

bool is_hidden(const fs::path& path) {
  return path.filename().string().starts_with('.');
}

bool is_pattern(std::string_view entry) {
  return entry.find_first_of("*?[") != std::string_view::npos;
}

fs::path tidy(const fs::path& path) {
  return fs::absolute(path).lexically_normal();
}

//! Paths that match a shell pattern, none where nothing does.
std::vector<fs::path> glob_paths(const std::string& pattern) {
  struct Result {
    glob_t found{};
    ~Result() { ::globfree(&found); }
  } result;
  std::vector<fs::path> paths;
  if (::glob(pattern.c_str(), 0, nullptr, &result.found) != 0) return paths;
  for (size_t i = 0; i < result.found.gl_pathc; ++i) paths.emplace_back(result.found.gl_pathv[i]);
  return paths;
}

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  for (auto at = fs::recursive_directory_iterator(folder); at != fs::recursive_directory_iterator(); ++at) {
    if (is_hidden(at->path())) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file()) {
      files.push_back(at->path());
    }
  }
  return files;
}

//! Collects the files of entries, each once.
class Collector {
 public:
  void add_entry(const std::string& entry, const std::string& where) {
    if (entry.empty()) throw TextError(where, "an empty path; give a file, a folder, a glob or @list");
    if (entry.starts_with('@')) {
      add_list(entry.substr(1), where);
    } else {
      add_path(entry, where);
    }
  }

  std::vector<fs::path> sorted() && {
    std::vector<fs::path> files;
    for (auto& [key, path] : files_) files.push_back(std::move(path));
    std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.native() < b.native(); });
    return files;
  }

 private:
  void add_list(const fs::path& list, const std::string& where) {
    if (!fs::is_regular_file(list)) throw TextError(where, fmt::format("no such list: {}", list.string()));
    std::istringstream lines(read_file(list));
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
      line.resize(line.find_last_not_of(" \t\r") + 1);
      line.erase(0, line.find_first_not_of(" \t"));
      if (line.empty() || line.front() == '#') continue;
      add_path(line, fmt::format("{}:{}", list.string(), number));
    }
  }

  void add_path(const std::string& entry, const std::string& where) {
    if (fs::exists(entry)) return add_existing(entry, entry, where);
    if (!is_pattern(entry)) throw TextError(where, fmt::format("no such file or folder: {}", entry));
    const auto found = glob_paths(entry);
    if (found.empty()) throw TextError(where, fmt::format("no file matches {}", entry));
    for (const auto& path : found) add_existing(path, entry, where);
  }

  void add_existing(const fs::path& path, const std::string& entry, const std::string& where) {
    if (fs::is_directory(path)) {
      const auto files = files_below(path);
      if (files.empty()) throw TextError(where, fmt::format("no file below the folder {}", entry));
      for (const auto& file : files) add_file(file);
    } else if (fs::is_regular_file(path)) {
      add_file(path);
    } else {
      throw TextError(where, fmt::format("neither a file nor a folder: {}", path.string()));
    }
  }

  //! Of several names of one file the first in sorted order stands.
  void add_file(const fs::path& path) {
    const auto [at, is_new] = files_.try_emplace(identity(path), tidy(path));
    if (!is_new) at->second = std::min(at->second, tidy(path));
  }

  std::map<std::string, fs::path> files_;
};

bool is_bare(const std::string& entry) {
  return !entry.starts_with('@') && entry.find('/') == std::string::npos;
}

void require_a_match(const std::string& name, const std::vector<fs::path>& files, const std::string& key) {
  std::vector<std::string> names;
  for (const auto& file : files) names.push_back(file.filename().string());
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  const std::string near = nearest(name, names);
  throw TextError(key, fmt::format("{} is the name of no file of train{}", name,
                                   near.empty() ? "" : fmt::format("; the nearest is {}", near)));
}

}  // namespace

std::string identity(const fs::path& path) {
  std::error_code failed;
  const fs::path canonical = fs::canonical(path, failed);
  return failed ? tidy(path).string() : canonical.string();
}

std::vector<fs::path> expand_paths(const std::vector<std::string>& entries, const std::string& key) try {
  Collector collector;
  for (const auto& entry : entries) collector.add_entry(entry, key);
  return std::move(collector).sorted();
} catch (const fs::filesystem_error& error) {
  throw TextError(key, error.what());
}

std::vector<fs::path> without(std::vector<fs::path> files, const std::vector<std::string>& exclude,
                              const std::string& key) {
  std::set<std::string> excluded;
  for (const auto& entry : exclude) {
    if (!is_bare(entry) || fs::exists(entry)) {
      for (const auto& path : expand_paths({entry}, key)) excluded.insert(identity(path));
    } else if (!is_pattern(entry)) {
      require_a_match(entry, files, key);
    }
  }
  std::erase_if(files, [&](const fs::path& file) {
    return excluded.contains(identity(file)) || std::any_of(exclude.begin(), exclude.end(), [&](const auto& entry) {
             return is_bare(entry) && ::fnmatch(entry.c_str(), file.filename().c_str(), 0) == 0;
           });
  });
  return files;
}

}  // namespace saesweep::text
