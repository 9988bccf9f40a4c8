#include "base/event_log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <mutex>
#include <string>
#include <utility>

#include "base/errors.h"
#include "base/files.h"
#include "base/stopwatch.h"

namespace saesweep {

namespace {

std::string now_text() {
  const auto now = std::chrono::system_clock::now();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(milliseconds / 1000)),
                     milliseconds % 1000);
}

bool ends_a_line(int descriptor) {
  const off_t size = ::lseek(descriptor, 0, SEEK_END);
  char last = '\n';
  return size <= 0 || ::pread(descriptor, &last, 1, size - 1) != 1 || last == '\n';
}

}  // namespace

struct EventLog::File {
  std::filesystem::path path;
  Json common;
  int descriptor = -1;
  std::mutex mutex = {};
  Stopwatch since_start = {};
  bool has_failed = false;

  File(std::filesystem::path where, Json in_all) : path(std::move(where)), common(std::move(in_all)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor >= 0) ::close(descriptor);
  }

  void append(const std::string& line) {
    const std::scoped_lock lock(mutex);
    // One write a line: lines of several writers never mix.
    if (::write(descriptor, line.data(), line.size()) == static_cast<ssize_t>(line.size()) || has_failed) return;
    has_failed = true;
    fmt::print(stderr, "saesweep: {}: cannot be written ({}); the log has gaps\n", path.string(), std::strerror(errno));
  }
};

EventLog::EventLog(const std::filesystem::path& path, Json common)
    : file_(std::make_shared<File>(path, std::move(common))) {
  make_writable_folder(path.parent_path());
  file_->descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_->descriptor < 0)
    throw OutputError(path.string(), fmt::format("cannot be opened: {}", std::strerror(errno)));
  if (!ends_a_line(file_->descriptor)) file_->append("\n");
}

void EventLog::write(std::string_view event, Json fields) const {
  if (!file_) return;
  Json line = {{"time", now_text()}, {"clock", file_->since_start.seconds()}, {"event", event}};
  line.update(file_->common);
  line.update(fields);
  file_->append(line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace saesweep
