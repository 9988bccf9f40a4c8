#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include "judge/chat.h"

namespace saesweep::judge {

//! A reply that cannot be used: unparsable, the wrong number of answers, no logprobs. It is asked for again.
class UnusableReply : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

//! Requests to be answered. A judge draws them when there is room for one, so none are stored up. All is called by the
//! thread that called Judge::answer.
class Work {
 public:
  struct Ask {
    //! Told apart from all others that are not answered yet.
    uint64_t tag = 0;
    Request request;
  };

  virtual ~Work() = default;

  //! The next request that can be sent now; nothing where all others wait for replies, or none are left.
  virtual std::optional<Ask> next() = 0;
  //! Throws UnusableReply where the reply cannot be used.
  virtual void take(uint64_t tag, const Reply& reply) = 0;
  //! No usable reply came, however often it was asked; fault: of the last one.
  virtual void give_up(uint64_t tag, const std::string& fault) = 0;
  //! Whether nothing is left to be answered and nothing will come.
  virtual bool is_done() const = 0;
};

//! What a judge did so far.
struct JudgeUsage {
  //! Requests sent, retries among them.
  int64_t n_sent = 0;
  int64_t n_from_cache = 0;
  //! Replies that could not be used, and faults of the transport.
  int64_t n_unusable = 0;
  int64_t n_transport_faults = 0;
  int64_t n_prompt_tokens = 0;
  int64_t n_reply_tokens = 0;
  int64_t n_in_flight = 0;
  //! Whether requests are held back because the endpoint is down.
  bool is_paused = false;
};

//! A language model, or what stands in for one, that answers chats.
class Judge {
 public:
  virtual ~Judge() = default;

  //! Answers work until it is done. Where next() gives nothing and replies are not what it waits for, waits for wake().
  //! Throws StoppedError where the judge is lost (`[judge] give_up_after`), a budget is spent, or stop() was called;
  //! InputError where the endpoint refuses the requests themselves (key, model).
  virtual void answer(Work& work) = 0;
  //! Says that next() or is_done() may have changed. Thread-safe, as all that follows.
  virtual void wake() = 0;
  //! Ends answer() soon.
  virtual void stop() = 0;
  virtual JudgeUsage usage() const = 0;
};

}  // namespace saesweep::judge
