#include "judge/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>

namespace saesweep::judge {

namespace {

constexpr int kBusyMilliseconds = 20'000;

[[noreturn]] void fail(sqlite3* database) {
  const char* path = sqlite3_db_filename(database, "main");
  throw SqliteError(sqlite3_extended_errcode(database), sqlite3_system_errno(database),
                    fmt::format("{}: {}", path == nullptr ? "" : path, sqlite3_errmsg(database)));
}

}  // namespace

bool SqliteError::is_damage() const {
  const int primary = code_ & 0xFF;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || code_ == SQLITE_IOERR_SHORT_READ;
}

bool SqliteError::is_full_disk() const {
  return (code_ & 0xFF) == SQLITE_FULL || system_error_ == ENOSPC || system_error_ == EDQUOT;
}

bool SqliteError::is_lockless() const {
  return code_ == SQLITE_IOERR_LOCK || code_ == SQLITE_IOERR_RDLOCK || code_ == SQLITE_IOERR_UNLOCK ||
         code_ == SQLITE_IOERR_CHECKRESERVEDLOCK;
}

void Statement::Close::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

bool Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) fail(sqlite3_db_handle(handle_.get()));
  return code == SQLITE_ROW;
}

void Statement::reset() {
  sqlite3_reset(handle_.get());
}

void Statement::bind(int place, std::string_view bytes) {
  const int code = sqlite3_bind_blob64(handle_.get(), place + 1, bytes.data(), bytes.size(), SQLITE_STATIC);
  if (code != SQLITE_OK) fail(sqlite3_db_handle(handle_.get()));
}

std::string_view Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(handle_.get(), column);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(handle_.get(), column));
  return {static_cast<const char*>(data), data == nullptr ? 0 : size};
}

int Statement::number(int column) const {
  return sqlite3_column_int(handle_.get(), column);
}

void Database::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

Database::Database(const std::filesystem::path& path, bool may_make) {
  sqlite3* database = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | (may_make ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &database, flags, nullptr);
  handle_.reset(database);
  if (database == nullptr) throw std::bad_alloc();
  if (code != SQLITE_OK) fail(database);
  sqlite3_extended_result_codes(database, 1);
  sqlite3_busy_timeout(database, kBusyMilliseconds);
}

Statement Database::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) fail(handle_.get());
  return Statement(statement);
}

void Database::run(const std::string& sql) {
  Statement statement = prepare(sql);
  while (statement.step()) {
  }
}

}  // namespace saesweep::judge
