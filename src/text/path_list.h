#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace saesweep::text {

//! The files that entries name, each once, sorted by path (absolute). An entry is a file, a folder (all files below;
//! links to folders are not followed, names that begin with a dot are left out), a glob (`*`, `?`, `[...]`), or
//! `@list`: a file of such paths, one a line, # comments. `key` names the entries in messages ("[text] train").
//! Throws TextError where an entry names nothing.
std::vector<std::filesystem::path> expand_paths(const std::vector<std::string>& entries, const std::string& key);

//! The files without those that `exclude` names: by an entry as above, or by a bare file name or pattern
//! (`perltoc.pod`, `*.bak`). Throws TextError where an entry names no file that is there, or a bare name (not a
//! pattern) none of the files: a misspelt one must not leak text into the training.
std::vector<std::filesystem::path> without(std::vector<std::filesystem::path> files,
                                           const std::vector<std::string>& exclude, const std::string& key);

//! What a path is at last, links followed: equal for two names of one file.
std::string identity(const std::filesystem::path& path);

}  // namespace saesweep::text
