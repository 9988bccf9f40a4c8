#pragma once

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace saesweep::judge {

//! What SQLite reports of a file.
class SqliteError : public std::runtime_error {
 public:
  SqliteError(int code, int system_error, const std::string& message)
      : std::runtime_error(message), code_(code), system_error_(system_error) {}

  //! The file is damaged, or no SQLite file.
  bool is_damage() const;
  bool is_full_disk() const;
  //! The file system knows no locks.
  bool is_lockless() const;

 private:
  int code_;
  int system_error_;
};

//! A statement; values are bound and read by position from 0. Throws SqliteError, as all here.
class Statement {
 public:
  //! Goes to the next row; false at the end.
  bool step();
  void reset();
  //! bytes must live until reset().
  void bind(int place, std::string_view bytes);
  //! Valid until the next step() or reset().
  std::string_view bytes(int column) const;
  int number(int column) const;

 private:
  friend class Database;
  struct Close {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : handle_(statement) {}
  std::unique_ptr<sqlite3_stmt, Close> handle_;
};

//! An SQLite file, made where it is missing and may_make is set. Used by one thread at a time.
class Database {
 public:
  Database(const std::filesystem::path& path, bool may_make);

  Statement prepare(const std::string& sql);
  void run(const std::string& sql);

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace saesweep::judge
