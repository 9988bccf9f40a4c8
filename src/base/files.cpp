#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/errors.h"

namespace saesweep {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

std::filesystem::path parent_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw InputError(path.string(), std::strerror(errno));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw InputError(path.string(), std::strerror(errno));
  if (!S_ISREG(status.st_mode)) throw InputError(path.string(), "is not a file");
  size_ = static_cast<size_t>(status.st_size);
  if (size_ == 0) return;
  void* data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) throw InputError(path.string(), fmt::format("cannot be mapped: {}", std::strerror(errno)));
  data_ = static_cast<const std::byte*>(data);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept {
  *this = std::move(other);
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}

void MappedFile::release(std::span<const std::byte> part) const {
  if (part.empty()) return;
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const size_t before = reinterpret_cast<uintptr_t>(part.data()) % page;  // of its first page
  ::madvise(const_cast<std::byte*>(part.data()) - before, before + part.size(), MADV_DONTNEED);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw InputError(path.string(), std::strerror(errno));
  if (std::filesystem::is_directory(path)) throw InputError(path.string(), "is a folder, not a file");
  std::ostringstream text;
  text << in.rdbuf();
  if (in.bad()) throw InputError(path.string(), "reading failed");
  return std::move(text).str();
}

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path) {
  std::error_code failed;
  std::filesystem::create_directories(parent_of(path), failed);
  std::string name = (parent_of(path) / ("." + path.filename().string() + ".XXXXXX")).string();
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) fail_writing(path_, "cannot be written");
  temporary_ = name;
  ::fchmod(descriptor_, 0644);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_writing(path_, "writing failed");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::write(std::string_view text) {
  write(std::as_bytes(std::span(text)));
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail_writing(path_, "flushing failed");
  ::close(std::exchange(descriptor_, -1));
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_writing(path_, "renaming into place failed");
  temporary_.clear();
  const Descriptor folder(::open(parent_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) ::fsync(folder.get());
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

void make_writable_folder(const std::filesystem::path& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw OutputError(folder.string(), "cannot be made: " + failed.message());
  std::string probe = (folder / ".writable.XXXXXX").string();
  const Descriptor file(::mkostemp(probe.data(), O_CLOEXEC));
  if (file.get() < 0) throw OutputError(folder.string(), fmt::format("is not writable: {}", std::strerror(errno)));
  ::unlink(probe.c_str());
}

void fail_writing(const std::filesystem::path& path, const char* action) {
  const int error = errno;
  if (error == ENOSPC || error == EDQUOT) {
    throw StoppedError(fmt::format("{}: no space left on the device; free some and start again", path.string()));
  }
  throw OutputError(path.string(), fmt::format("{}: {}", action, std::strerror(error)));
}

uint64_t free_bytes(const std::filesystem::path& folder) {
  std::filesystem::path existing = std::filesystem::absolute(folder);
  while (!std::filesystem::exists(existing)) existing = existing.parent_path();
  struct statvfs status {};
  if (::statvfs(existing.c_str(), &status) != 0) {
    throw OutputError(existing.string(), fmt::format("free space unknown: {}", std::strerror(errno)));
  }
  return static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
}

}  // namespace saesweep
