#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "judge/reply_cache.h"
#include "judge/sqlite.h"

namespace saesweep::judge {

//! A file of stored replies, for reading. Throws SqliteError, as all here.
class ReplyReader {
 public:
  explicit ReplyReader(const std::filesystem::path& path);

  std::vector<CacheKey> keys();
  std::optional<std::string> find(const CacheKey& key);

 private:
  Database database_;
  std::optional<Statement> select_;
};

//! A file of stored replies, for writing; a rollback journal makes each batch whole or absent.
class ReplyWriter {
 public:
  //! Makes the file where it is missing. One that is damaged, or of another version, is moved aside with a warning.
  ReplyWriter(const std::filesystem::path& path, const Log& log);

  //! Stores a batch in one transaction, flushed to disk. What is there already stays.
  void write(const std::map<CacheKey, std::string>& batch);

 private:
  void open();
  void move_aside(const char* why);
  void write_once(const std::map<CacheKey, std::string>& batch);

  std::filesystem::path path_;
  Log log_;
  std::optional<Database> database_;
};

}  // namespace saesweep::judge
