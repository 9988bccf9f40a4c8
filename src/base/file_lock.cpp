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
#include "base/files.h"

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

std::string text_in(int descriptor) {
  char text[2048];
  const ssize_t length = ::pread(descriptor, text, sizeof text, 0);
  return {text, length > 0 ? static_cast<size_t>(length) : 0};
}

enum class Outcome { kLocked, kTaken, kUnknown };

//! Tries a few times: lock_holder holds the lock for a moment.
Outcome lock(int descriptor, FileLock::Kind kind) {
  constexpr int kTries = 5;
  constexpr useconds_t kPauseUs = 10'000;
  const int operation = kind == FileLock::Kind::kExclusive ? LOCK_EX : LOCK_SH;
  for (int i = 0; i < kTries; ++i) {
    if (i > 0) ::usleep(kPauseUs);
    if (::flock(descriptor, operation | LOCK_NB) == 0) return Outcome::kLocked;
    if (errno != EWOULDBLOCK && errno != EINTR) return Outcome::kUnknown;
  }
  return Outcome::kTaken;
}

}  // namespace

std::optional<FileLock> FileLock::try_take_if_known(const std::filesystem::path& path, Kind kind) {
  FileLock taken(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644), path);
  if (taken.descriptor_ < 0) throw OutputError(path.string(), std::string("cannot be opened: ") + std::strerror(errno));
  const Outcome outcome = lock(taken.descriptor_, kind);
  if (outcome == Outcome::kTaken) return std::nullopt;
  taken.is_locked_ = outcome == Outcome::kLocked;
  return taken;
}

std::optional<FileLock> FileLock::try_take(const std::filesystem::path& path, Kind kind) {
  std::optional<FileLock> taken = try_take_if_known(path, kind);
  if (taken && !taken->is_locked()) {
    throw OutputError(path.string(), std::string("cannot be locked: ") + std::strerror(errno));
  }
  if (taken && kind == Kind::kExclusive) taken->write(own_description() + "\n");
  return taken;
}

FileLock::FileLock(FileLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), is_locked_(other.is_locked_), path_(std::move(other.path_)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    release();
    descriptor_ = std::exchange(other.descriptor_, -1);
    is_locked_ = other.is_locked_;
    path_ = std::move(other.path_);
  }
  return *this;
}

FileLock::~FileLock() {
  release();
}

void FileLock::release() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

std::string FileLock::text() const {
  return text_in(descriptor_);
}

void FileLock::write(std::string_view text) const {
  const bool written = ::pwrite(descriptor_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
                       ::ftruncate(descriptor_, static_cast<off_t>(text.size())) == 0;
  if (!written) fail_writing(path_, "written");
}

std::string own_description() {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  std::string text = "host " + std::string(host) + ", process " + std::to_string(::getpid());
  if (const char* job = std::getenv("SLURM_JOB_ID")) text += ", Slurm job " + std::string(job);
  return text + ", since " + now_utc();
}

std::string lock_holder(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return "";
  const bool is_free = ::flock(descriptor, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK;
  const std::string text = is_free ? "" : text_in(descriptor);
  ::close(descriptor);
  if (is_free) return "";
  const std::string holder = text.substr(0, text.find('\n'));
  return holder.empty() ? "a process that has not said who it is" : holder;
}

}  // namespace saesweep
