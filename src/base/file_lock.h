#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace saesweep {

//! An exclusive lock on a file, held for the life of the object. The system drops it when the process dies, however
//! it dies. The file, which says who holds it, stays: removing it would let two processes lock two files of one name.
//! Move-only.
class FileLock {
 public:
  //! The lock, or nothing where another process has it. Throws OutputError where the file cannot be written or the
  //! file system knows no locks.
  static std::optional<FileLock> try_take(const std::filesystem::path& path);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  void release() noexcept;
  int descriptor_ = -1;
};

//! Who holds the lock ("host n1, process 12, since ..."), or "" where no one does.
std::string lock_holder(const std::filesystem::path& path);

}  // namespace saesweep
