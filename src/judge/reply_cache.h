#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "judge/chat.h"

namespace saesweep::judge {

//! Of a request's body, which names neither the endpoint nor its key nor a rank: the first 16 bytes of its SHA-256.
using CacheKey = std::array<uint8_t, 16>;
CacheKey cache_key(const std::string& body);

//! Replies that were used, kept in SQLite files `replies-<rank>.sqlite`: a rank writes its own and reads all. Writing
//! is done by a thread of its own, in one transaction for 64 replies or half a second, so that no disk holds requests
//! up. A kill loses what was not written yet, never what was. Of one thread.
class ReplyCache {
 public:
  //! folder: where this rank writes, made where missing. Read are all files of folder and of others (which may be
  //! missing). A damaged file of its own is moved aside, one of others passed over, both with a warning.
  //! Throws OutputError where folder cannot be written.
  ReplyCache(const std::filesystem::path& folder, const std::vector<std::filesystem::path>& others, int rank,
             const Log& log);
  ~ReplyCache();
  ReplyCache(const ReplyCache&) = delete;
  ReplyCache& operator=(const ReplyCache&) = delete;

  std::optional<Reply> find(const CacheKey& key);
  //! Throws StoppedError where writing has failed (a full disk).
  void put(const CacheKey& key, const Reply& reply);
  //! Waits until all is on disk. Throws as put().
  void flush();
  //! Replies that were there at the start, of all files.
  size_t n_older() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace saesweep::judge
