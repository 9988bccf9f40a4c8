#pragma once

#include <atomic>

#include "judge/answering.h"
#include "judge/delivery.h"
#include "judge/judge.h"
#include "judge/options.h"
#include "judge/place.h"
#include "judge/reply_cache.h"
#include "judge/usage_board.h"

namespace saesweep::judge {

//! Asks endpoints that speak OpenAI's protocol (kind = "openai"), and keeps their replies: an answered request is
//! never sent again, by this run or a later one.
class OpenAiJudge : public Judge {
 public:
  //! Opens the reply cache; the endpoints are asked when there is work that it does not answer. Throws ConfigError
  //! (addresses, key, extra_body) and OutputError (cache).
  OpenAiJudge(const JudgeOptions& options, const JudgePlace& place);

  void answer(Work& work) override;
  void wake() override;
  void stop() override;
  JudgeUsage usage() const override;

 private:
  void answer_all(Work& work);

  JudgeOptions options_;
  UsageBoard usage_;
  Delivery delivery_;
  ReplyCache cache_;
  int n_given_up_ = 0;
  std::atomic<bool> is_stopped_ = false;
};

}  // namespace saesweep::judge
