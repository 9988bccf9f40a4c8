#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/errors.h"

namespace saesweep {

namespace {

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[sizeof "2026-01-31T12:00:00Z"];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string own_description() {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  std::string text = "host " + std::string(host) + ", process " + std::to_string(::getpid());
  if (const char* job = std::getenv("SLURM_JOB_ID")) text += ", Slurm job " + std::string(job);
  return text + ", since " + now_utc();
}

std::string description_in(int descriptor) {
  char text[1024];
  const ssize_t length = ::pread(descriptor, text, sizeof text, 0);
  std::string description(text, length > 0 ? static_cast<size_t>(length) : 0);
  while (description.ends_with('\n')) description.pop_back();
  return description.empty() ? "a process that has not said who it is" : description;
}

void describe_holder(int descriptor, const std::filesystem::path& path) {
  const std::string text = own_description() + "\n";
  const bool written = ::ftruncate(descriptor, 0) == 0 &&
                       ::pwrite(descriptor, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  if (!written) throw OutputError(path.string(), std::string("cannot be written: ") + std::strerror(errno));
}

//! Tries a few times: lock_holder holds the lock for a moment.
bool is_locked(int descriptor, const std::filesystem::path& path) {
  constexpr int kTries = 5;
  constexpr useconds_t kPauseUs = 10'000;
  for (int i = 0; i < kTries; ++i) {
    if (i > 0) ::usleep(kPauseUs);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK) {
      throw OutputError(path.string(), std::string("cannot be locked: ") + std::strerror(errno));
    }
  }
  return false;
}

}  // namespace

std::optional<FileLock> FileLock::try_take(const std::filesystem::path& path) {
  FileLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (lock.descriptor_ < 0) throw OutputError(path.string(), std::string("cannot be opened: ") + std::strerror(errno));
  if (!is_locked(lock.descriptor_, path)) return std::nullopt;
  describe_holder(lock.descriptor_, path);
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    release();
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

FileLock::~FileLock() {
  release();
}

void FileLock::release() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

std::string lock_holder(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return "";
  const bool is_free = ::flock(descriptor, LOCK_SH | LOCK_NB) == 0;
  const std::string holder = is_free ? "" : description_in(descriptor);
  ::close(descriptor);
  return holder;
}

}  // namespace saesweep
