#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace saesweep {

//! A lock on a file, held for the life of the object. The system drops it when the process dies, however it dies. The
//! file stays: removing it would let two processes lock two files of one name. Move-only.
class FileLock {
 public:
  enum class Kind { kExclusive, kShared };

  //! The lock, or nothing where another process has one that excludes it. Throws OutputError where the file cannot be
  //! opened or the file system knows no locks.
  static std::optional<FileLock> try_take(const std::filesystem::path& path, Kind kind = Kind::kExclusive);
  //! The same, but on a file system that knows no locks the file is open and is_locked() false.
  static std::optional<FileLock> try_take_if_known(const std::filesystem::path& path, Kind kind = Kind::kExclusive);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;

  bool is_locked() const { return is_locked_; }

  //! The text of the file.
  std::string text() const;
  //! Replaces it. Throws OutputError, StoppedError on a full disk.
  void write(std::string_view text) const;

 private:
  FileLock(int descriptor, std::filesystem::path path) : descriptor_(descriptor), path_(std::move(path)) {}
  void release() noexcept;
  int descriptor_ = -1;
  bool is_locked_ = false;
  std::filesystem::path path_;
};

//! "host n1, process 12, Slurm job 4711, since 2026-01-31T12:00:00Z": this process, as it is told to others.
std::string own_description();

//! Who holds the lock, by the file's first line, or "" where no one does.
std::string lock_holder(const std::filesystem::path& path);

}  // namespace saesweep
