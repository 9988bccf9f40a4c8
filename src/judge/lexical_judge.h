#pragma once

#include <condition_variable>
#include <mutex>

#include "judge/judge.h"

namespace saesweep::judge {

//! The embedded judge: answers in the thread that calls it, by lexical_reply. A reply that cannot be used is given up
//! at once, since the same request brings the same reply.
class LexicalJudge : public Judge {
 public:
  void answer(Work& work) override;
  void wake() override;
  void stop() override;
  JudgeUsage usage() const override;

 private:
  void answer_one(Work& work, const Work::Ask& ask);
  void wait_for_wake();
  void require_going() const;

  mutable std::mutex mutex_;
  std::condition_variable woken_;
  bool is_woken_ = false;
  bool is_stopped_ = false;
  JudgeUsage usage_;
};

}  // namespace saesweep::judge
