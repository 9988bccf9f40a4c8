#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "judge/delivery.h"
#include "judge/judge.h"
#include "judge/reply_cache.h"
#include "judge/usage_board.h"

namespace saesweep::judge {

//! Brings the requests of one Work and their replies together: from the cache, or by delivery. A reply that cannot be
//! used is asked for again, five times, each attempt being another request.
class Answering {
 public:
  //! n_given_up: requests given up in a row, over all works.
  Answering(const JudgeOptions& options, Delivery& delivery, ReplyCache& cache, UsageBoard& usage, Work& work,
            int& n_given_up);

  //! Draws requests while there is room for them, at most a burst; true where it ended for that.
  bool draw();
  //! Waits for replies, at most so many seconds, and hands them on.
  void settle(double seconds);
  //! Whether nothing is under way.
  bool is_idle() const { return asked_.empty(); }
  //! Tells the work of what was given up; a usable reply does so, too.
  bool give_up_all();

 private:
  struct Asked {
    Work::Ask ask;
    int attempt = 0;
    CacheKey key{};
  };
  struct GivenUp {
    uint64_t tag = 0;
    std::string fault;
  };

  //! Answers from the cache, or posts the first attempt that no stored reply is known of.
  void ask(Work::Ask ask, int attempt);
  bool take_stored(const Asked& asked);
  void take(Asked asked, const Reply& reply);
  void ask_again(Asked asked, const std::string& fault);
  Asked at_attempt(const Work::Ask& ask, int attempt, std::string* body) const;

  const JudgeOptions& options_;
  Json extra_;
  Delivery& delivery_;
  ReplyCache& cache_;
  UsageBoard& usage_;
  Work& work_;
  int& n_given_up_;
  uint64_t next_id_ = 0;
  std::unordered_map<uint64_t, Asked> asked_;
  //! Since the last usable reply; told to the work when one comes, so that a broken endpoint makes none missing.
  std::vector<GivenUp> given_up_;
};

}  // namespace saesweep::judge
