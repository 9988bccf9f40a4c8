#include "base/lease.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "base/stopwatch.h"

namespace saesweep {

namespace {

using std::chrono::milliseconds;

constexpr const char* kFileName = "run.lock";
constexpr const char* kRanksFileName = "ranks.lock";
constexpr milliseconds kBeatEvery{4000};
constexpr milliseconds kLookEvery{500};
constexpr double kRanksSeconds = 15;
//! A beat on a file system without locks counts as living, for `status`, when the file is no older.
constexpr auto kFreshFor = std::chrono::seconds(60);

//! Differs between machines, and between two starts of one.
std::string boot_id() {
  try {
    const std::string text = read_file("/proc/sys/kernel/random/boot_id");
    return text.substr(0, text.find('\n'));
  } catch (const InputError&) {
    return "";
  }
}

std::string new_token() {
  std::random_device device;
  return std::to_string(device()) + "-" + std::to_string(device());
}

//! What the holder writes into the file: for people, and for those who wait.
struct Note {
  std::string holder;
  std::string token;
  std::string boot;
  int64_t beat = 0;

  std::string text() const {
    return holder + "\n" + Json{{"token", token}, {"boot", boot}, {"beat", beat}}.dump() + "\n";
  }

  //! Nothing where the text is empty or torn.
  static std::optional<Note> read(const std::string& text) {
    const size_t line = text.find('\n');
    if (line == std::string::npos) return std::nullopt;
    const Json json = Json::parse(text.substr(line + 1), nullptr, false);
    if (!json.is_object() || !json.contains("token") || !json.contains("boot") || !json.contains("beat")) {
      return std::nullopt;
    }
    return Note{text.substr(0, line), json["token"], json["boot"], json["beat"]};
  }

  //! By opening the file anew, which makes network file systems look.
  static std::optional<Note> read_from(const std::filesystem::path& path) {
    try {
      return read(read_file(path));
    } catch (const InputError&) {
      return std::nullopt;
    }
  }
};

//! Watches the file for as long as a living holder may be silent: shared file systems show a change late.
bool beats(const std::filesystem::path& path, const Note& seen, double seconds) {
  const Stopwatch watch;
  while (watch.seconds() < seconds) {
    std::this_thread::sleep_for(kLookEvery);
    const std::optional<Note> now = Note::read_from(path);
    if (now && (now->token != seen.token || now->beat != seen.beat)) return true;
  }
  return false;
}

//! The lock where the folder is free; else who holds it.
std::pair<std::optional<FileLock>, std::string> try_take(const std::filesystem::path& path, double stale_seconds) {
  std::optional<FileLock> lock = FileLock::try_take_if_known(path);
  if (!lock) return {std::nullopt, lock_holder(path)};
  const std::optional<Note> note = Note::read(lock->text());
  // On one machine the system's lock says all.
  const bool is_free = !note || (lock->is_locked() && note->boot == boot_id()) || !beats(path, *note, stale_seconds);
  if (!is_free) return {std::nullopt, note->holder};
  return {std::move(lock), ""};
}

}  // namespace

class Lease::Held {
 public:
  Held(FileLock lock, std::filesystem::path path) : lock_(std::move(lock)), path_(std::move(path)) {
    note_ = {own_description(), new_token(), boot_id(), 0};
    lock_.write(note_.text());
    thread_ = std::jthread([this](const std::stop_token& stop) { beat(stop); });
  }
  ~Held() {
    thread_ = {};
    try {
      lock_.write("");
    } catch (const Error& error) {
      fprintf(stderr, "saesweep: %s\n", error.what());
    }
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  void beat(const std::stop_token& stop) {
    std::unique_lock guard(mutex_);
    while (!wake_.wait_for(guard, stop, kBeatEvery, [&] { return stop.stop_requested(); })) {
      leave_if_taken();
      ++note_.beat;
      try {
        lock_.write(note_.text());
      } catch (const Error& error) {
        fprintf(stderr, "saesweep: %s; other jobs may take this one for dead\n", error.what());
      }
    }
  }

  void leave_if_taken() const {
    const std::optional<Note> now = Note::read_from(path_);
    if (!now || now->token == note_.token) return;
    fprintf(stderr,
            "saesweep: error: %s: another run has taken this output over (%s), since this one gave no sign of life; "
            "it ends here\n",
            path_.parent_path().c_str(), now->holder.c_str());
    std::_Exit(static_cast<int>(ExitCode::kStopped));
  }

  FileLock lock_;
  std::filesystem::path path_;
  Note note_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

Lease::Lease(const std::filesystem::path& folder, const Waiting& waiting, double stale_seconds) {
  const std::filesystem::path path = folder / kFileName;
  while (!held_) {
    auto [lock, holder] = try_take(path, stale_seconds);
    if (lock) {
      held_ = std::make_unique<Held>(std::move(*lock), path);
    } else if (!waiting) {
      throw OutputError(folder.string(), "another run writes this output (" + holder +
                                             "); wait for it to end (run --wait does), stop it, or choose another "
                                             "[sweep] output");
    } else if (!waiting(holder)) {
      throw StoppedError("stopped while another run wrote " + folder.string());
    } else {
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  }
}

Lease::~Lease() = default;
Lease::Lease(Lease&&) noexcept = default;
Lease& Lease::operator=(Lease&&) noexcept = default;

std::string lease_holder(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kFileName;
  if (const std::string holder = lock_holder(path); !holder.empty()) return holder;
  const std::optional<Note> note = Note::read_from(path);
  if (!note || note->boot == boot_id()) return "";
  std::error_code failed;
  const auto changed = std::filesystem::last_write_time(path, failed);
  const bool is_fresh = !failed && std::filesystem::file_time_type::clock::now() - changed < kFreshFor;
  return is_fresh ? note->holder : "";
}

RankLock::RankLock(const std::filesystem::path& folder)
    : lock_(FileLock::try_take_if_known(folder / kRanksFileName, FileLock::Kind::kShared)) {
  if (!lock_) throw OutputError((folder / kRanksFileName).string(), "is held by another job's start; try again");
}

void wait_for_ranks(const std::filesystem::path& folder) {
  const Stopwatch watch;
  while (!FileLock::try_take_if_known(folder / kRanksFileName)) {
    if (watch.seconds() > kRanksSeconds) {
      throw OutputError(folder.string(), "ranks of an earlier run still write this output; end them, then start again");
    }
    std::this_thread::sleep_for(kLookEvery);
  }
}

}  // namespace saesweep
