#include "judge/reply_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/errors.h"
#include "base/files.h"
#include "base/hash.h"
#include "judge/key_index.h"
#include "judge/reply_bytes.h"
#include "judge/reply_file.h"

namespace saesweep::judge {

namespace {

constexpr size_t kBatch = 64;
constexpr auto kBatchTime = std::chrono::milliseconds(500);
constexpr size_t kOpenReaders = 64;
constexpr uint32_t kOwn = 0;

using Batch = std::map<CacheKey, Reply>;

std::vector<std::filesystem::path> reply_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("replies-") && name.ends_with(".sqlite")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

[[noreturn]] void stop(const SqliteError& error) {
  throw StoppedError(
      fmt::format("{}: replies cannot be stored{}; free some space, or set [judge] cache_dir, and "
                  "start again",
                  error.what(), error.is_full_disk() ? " (no space left)" : ""));
}

}  // namespace

CacheKey cache_key(const std::string& body) {
  const Digest digest = sha256(body);
  CacheKey key;
  std::copy_n(digest.begin(), key.size(), key.begin());
  return key;
}

struct ReplyCache::State {
  State(std::filesystem::path own, const Log& messages);
  ~State();

  void add_older(const std::filesystem::path& path);
  std::optional<Reply> find_unwritten(const CacheKey& key);
  std::optional<Reply> find_written(const CacheKey& key);
  ReplyReader& reader(uint32_t file);
  void rethrow();
  void write_batches();
  void write(std::unique_lock<std::mutex>& lock);

  Log log;
  std::vector<std::filesystem::path> files;  // kOwn is the first
  KeyIndex index;
  std::map<uint32_t, ReplyReader> readers;
  bool has_warned = false;

  ReplyWriter writer;  // the thread's alone
  std::mutex mutex;    // of what follows
  std::condition_variable changed;
  Batch waiting;
  Batch being_written;
  std::exception_ptr failure;
  bool is_flushing = false;
  bool is_ending = false;
  std::thread thread;
};

ReplyCache::State::State(std::filesystem::path own, const Log& messages)
    : log(messages), files{own}, writer(own, messages) {
  thread = std::thread([this] { write_batches(); });
}

ReplyCache::State::~State() {
  {
    const std::lock_guard lock(mutex);
    is_ending = true;
  }
  changed.notify_all();
  thread.join();
}

void ReplyCache::State::add_older(const std::filesystem::path& path) {
  const auto file = path == files[kOwn] ? kOwn : static_cast<uint32_t>(files.size());
  try {
    index.add_file(file, ReplyReader(path).keys());
  } catch (const SqliteError& error) {
    log.warn("{}; its replies are not used", error.what());
    return;
  }
  if (file != kOwn) files.push_back(path);
}

std::optional<Reply> ReplyCache::State::find_unwritten(const CacheKey& key) {
  const std::lock_guard lock(mutex);
  for (const Batch* batch : {&waiting, &being_written}) {
    const auto found = batch->find(key);
    if (found != batch->end()) return found->second;
  }
  return std::nullopt;
}

ReplyReader& ReplyCache::State::reader(uint32_t file) {
  const auto open = readers.find(file);
  if (open != readers.end()) return open->second;
  if (readers.size() >= kOpenReaders) readers.clear();
  return readers.emplace(file, ReplyReader(files[file])).first->second;
}

std::optional<Reply> ReplyCache::State::find_written(const CacheKey& key) {
  const auto file = index.find(key);
  if (!file) return std::nullopt;
  const auto bytes = reader(*file).find(key);
  return bytes ? std::optional(reply_of_bytes(*bytes)) : std::nullopt;
}

void ReplyCache::State::rethrow() {
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (const SqliteError& error) {
    stop(error);
  }
}

void ReplyCache::State::write_batches() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [this] { return is_ending || !waiting.empty(); });
    if (waiting.empty()) return;
    changed.wait_for(lock, kBatchTime, [this] { return is_ending || is_flushing || waiting.size() >= kBatch; });
    write(lock);
    if (failure) return;
  }
}

void ReplyCache::State::write(std::unique_lock<std::mutex>& lock) {
  being_written = std::exchange(waiting, {});
  lock.unlock();
  std::exception_ptr failed;
  try {
    std::map<CacheKey, std::string> bytes;
    for (const auto& [key, reply] : being_written) bytes.emplace(key, to_bytes(reply));
    writer.write(bytes);
  } catch (...) {
    failed = std::current_exception();
  }
  lock.lock();
  being_written.clear();
  failure = failed;
  changed.notify_all();
}

ReplyCache::ReplyCache(const std::filesystem::path& folder, const std::vector<std::filesystem::path>& others, int rank,
                       const Log& log) {
  make_writable_folder(folder);
  const std::filesystem::path own = folder / fmt::format("replies-{}.sqlite", rank);
  try {
    state_ = std::make_unique<State>(own, log);
  } catch (const SqliteError& error) {
    throw OutputError(error.what(), error.is_lockless() ? "its file system knows no locks; set [judge] cache_dir to a "
                                                          "folder on a local disk"
                                                        : "replies cannot be stored; see [judge] cache_dir");
  }
  state_->add_older(own);
  std::vector<std::filesystem::path> folders = others;
  folders.insert(folders.begin(), folder);
  for (const auto& each : folders) {
    for (const auto& path : reply_files(each)) {
      if (path != own) state_->add_older(path);
    }
  }
}

ReplyCache::~ReplyCache() = default;

std::optional<Reply> ReplyCache::find(const CacheKey& key) {
  try {
    const auto unwritten = state_->find_unwritten(key);
    return unwritten ? unwritten : state_->find_written(key);
  } catch (const std::exception& error) {  // damage of one page or reply: that reply is asked for again
    if (!std::exchange(state_->has_warned, true)) {
      state_->log.warn("a stored reply cannot be read and is asked for again: {}", error.what());
    }
  }
  return std::nullopt;
}

void ReplyCache::put(const CacheKey& key, const Reply& reply) {
  size_t n_waiting = 0;
  {
    const std::lock_guard lock(state_->mutex);
    state_->rethrow();
    state_->waiting.emplace(key, reply);
    n_waiting = state_->waiting.size();
  }
  state_->index.add(kOwn, key);
  if (n_waiting == 1 || n_waiting >= kBatch) state_->changed.notify_all();
}

void ReplyCache::flush() {
  std::unique_lock lock(state_->mutex);
  state_->is_flushing = true;
  state_->changed.notify_all();
  state_->changed.wait(
      lock, [this] { return state_->failure || (state_->waiting.empty() && state_->being_written.empty()); });
  state_->is_flushing = false;
  state_->rethrow();
}

size_t ReplyCache::n_older() const {
  return state_->index.n_older();
}

}  // namespace saesweep::judge
