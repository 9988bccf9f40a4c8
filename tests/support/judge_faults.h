#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace saesweep::test {

//! What a server does with a request.
enum class JudgeFault {
  kNone,
  // of the transport
  kReset,         // closes with a reset, no answer
  kCutShort,      // closes in the middle of the body
  kSlowBytes,     // a byte now and then, until the client is gone
  kHang,          // nothing, until the client is gone
  kTooMany,       // 429
  kTooManyLater,  // 429 with Retry-After: 0
  kError,         // 500
  kUnavailable,   // 503
  kHtml,          // a page with status 200
  kTruncated,     // JSON that ends too early, whole as HTTP
  // of the content
  kWrongNumber,
  kNoChoices,
  kNoLogprobs,
  kNanLogprobs,
  kMillion,  // a million characters of nonsense
  kInvalidUtf8,
  kCount
};

//! A server of chat completions that answers wrongly by script, over plain sockets. The right answer to a chat is the
//! JSON array [n % 2, 1, 0] for the number n at the end of its last message, with logprobs.
class FaultyJudge {
 public:
  //! What to do with the body of a request that came for the n-th time (from 0), seeds and temperature aside.
  using Script = std::function<JudgeFault(const std::string& message, int n_seen)>;

  //! port 0: any free one.
  explicit FaultyJudge(Script script, int port = 0);
  ~FaultyJudge();
  FaultyJudge(const FaultyJudge&) = delete;
  FaultyJudge& operator=(const FaultyJudge&) = delete;

  int port() const { return port_; }
  std::string url() const;
  int n_requests() const { return n_requests_; }
  //! Of which each carries one request at a time.
  int n_connections() const { return n_connections_; }
  //! All values that the header Authorization had.
  std::set<std::string> keys() const;
  //! When set, answers with this status and body instead.
  void refuse(int status, const std::string& body);

 private:
  void listen();
  void serve(int socket);
  bool answer(int socket, const std::string& head, const std::string& body);
  bool play(int socket, JudgeFault fault, const std::string& message);

  Script script_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> n_requests_ = 0;
  std::atomic<int> n_connections_ = 0;
  std::atomic<bool> is_ending_ = false;
  mutable std::mutex mutex_;
  std::map<std::string, int> n_seen_;
  std::set<std::string> keys_;
  int refusal_status_ = 0;
  std::string refusal_body_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

//! A fault for about that share of requests, of all kinds, by a hash: the same in every run.
FaultyJudge::Script faults_for(double share);

}  // namespace saesweep::test
