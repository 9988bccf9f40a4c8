#include "judge/reply_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>

namespace saesweep::judge {

namespace {

constexpr int kVersion = 1;

std::string_view bytes_of(const CacheKey& key) {
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

int version_of(Database& database) {
  Statement version = database.prepare("PRAGMA user_version");
  version.step();
  return version.number(0);
}

//! Reads the whole index, so that a file that is cut short shows it.
void check_index(Database& database) {
  Statement keys = database.prepare("SELECT key FROM replies ORDER BY key");
  while (keys.step()) {
  }
}

//! Rolls an unfinished transaction back when it goes.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) { database_.run("BEGIN IMMEDIATE"); }
  ~Transaction() {
    if (is_done_) return;
    try {
      database_.run("ROLLBACK");
    } catch (const SqliteError&) {  // SQLite rolls back by itself after some errors
    }
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit() {
    database_.run("COMMIT");
    is_done_ = true;
  }

 private:
  Database& database_;
  bool is_done_ = false;
};

}  // namespace

ReplyReader::ReplyReader(const std::filesystem::path& path) : database_(path, false) {}

std::vector<CacheKey> ReplyReader::keys() {
  std::vector<CacheKey> keys;
  if (version_of(database_) != kVersion) return keys;  // another process is just making it
  Statement select = database_.prepare("SELECT key FROM replies ORDER BY key");
  while (select.step()) {
    const std::string_view bytes = select.bytes(0);
    CacheKey key;
    if (bytes.size() != key.size()) continue;
    std::copy(bytes.begin(), bytes.end(), key.begin());
    keys.push_back(key);
  }
  return keys;
}

std::optional<std::string> ReplyReader::find(const CacheKey& key) {
  if (!select_) select_ = database_.prepare("SELECT reply FROM replies WHERE key = ?");
  select_->bind(0, bytes_of(key));
  std::optional<std::string> found;
  if (select_->step()) found = select_->bytes(0);
  select_->reset();
  return found;
}

ReplyWriter::ReplyWriter(const std::filesystem::path& path, const Log& log) : path_(path), log_(log) {
  try {
    open();
  } catch (const SqliteError& error) {
    if (!error.is_damage()) throw;
    move_aside(error.what());
    open();
  }
}

void ReplyWriter::open() {
  database_.emplace(path_, true);
  const int version = version_of(*database_);
  if (version != 0 && version != kVersion) {
    move_aside(fmt::format("{}: is of version {}, not {}", path_.string(), version, kVersion).c_str());
    database_.emplace(path_, true);
  }
  database_->run("PRAGMA journal_mode = TRUNCATE");
  database_->run("PRAGMA synchronous = NORMAL");
  Transaction transaction(*database_);
  database_->run("CREATE TABLE IF NOT EXISTS replies (key BLOB NOT NULL UNIQUE, reply BLOB NOT NULL)");
  database_->run(fmt::format("PRAGMA user_version = {}", kVersion));
  transaction.commit();
  check_index(*database_);
}

void ReplyWriter::move_aside(const char* why) {
  database_.reset();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string end =
      fmt::format(".damaged-{}", std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  for (const char* part : {"", "-journal"}) {
    std::error_code missing;
    std::filesystem::rename(path_.string() + part, path_.string() + end + part, missing);
  }
  log_.warn("{}; moved aside to {}, its replies are asked for again", why, path_.string() + end);
}

void ReplyWriter::write(const std::map<CacheKey, std::string>& batch) {
  try {
    write_once(batch);
  } catch (const SqliteError& error) {
    if (!error.is_damage()) throw;
    move_aside(error.what());
    open();
    write_once(batch);
  }
}

void ReplyWriter::write_once(const std::map<CacheKey, std::string>& batch) {
  Transaction transaction(*database_);
  Statement insert = database_->prepare("INSERT OR IGNORE INTO replies VALUES (?, ?)");
  for (const auto& [key, reply] : batch) {
    insert.bind(0, bytes_of(key));
    insert.bind(1, reply);
    insert.step();
    insert.reset();
  }
  transaction.commit();
}

}  // namespace saesweep::judge
