#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace saesweep {

//! A file mapped read-only. Move-only.
class MappedFile {
 public:
  MappedFile() = default;
  //! Throws InputError where the file is missing or cannot be read.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  //! Lets the pages that hold part of bytes() leave this process's memory; they are read again when touched.
  void release(std::span<const std::byte> part) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  std::filesystem::path path_;
};

//! A whole file as a string. Throws InputError where it cannot be read.
std::string read_file(const std::filesystem::path& path);

//! A file written beside its final path, flushed to disk and renamed into place by commit(); removed if not
//! committed. A reader sees the old file or the whole new one. Parent folders are made.
//! Throws StoppedError on a full disk, OutputError where the path cannot be written.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

//! Writes text to path through AtomicFile.
void write_file(const std::filesystem::path& path, std::string_view text);

//! Makes the folder and checks that it can be written. Throws OutputError.
void make_writable_folder(const std::filesystem::path& folder);

//! Throws what errno says of a failed write: StoppedError for a full disk, else OutputError.
[[noreturn]] void fail_writing(const std::filesystem::path& path, const char* action);

//! Free bytes for this user on the file system of folder (or of its nearest existing parent).
uint64_t free_bytes(const std::filesystem::path& folder);

}  // namespace saesweep
