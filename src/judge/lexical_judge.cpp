#include "judge/lexical_judge.h"

#include "base/errors.h"
#include "judge/lexical_reply.h"

namespace saesweep::judge {

void LexicalJudge::answer(Work& work) {
  while (!work.is_done()) {
    require_going();
    const auto ask = work.next();
    if (ask) {
      answer_one(work, *ask);
    } else if (!work.is_done()) {
      wait_for_wake();
    }
  }
}

void LexicalJudge::answer_one(Work& work, const Work::Ask& ask) {
  const Reply reply = lexical_reply(ask.request);
  {
    const std::lock_guard lock(mutex_);
    ++usage_.n_sent;
    usage_.n_prompt_tokens += reply.n_prompt_tokens;
    usage_.n_reply_tokens += reply.n_reply_tokens;
  }
  try {
    work.take(ask.tag, reply);
  } catch (const UnusableReply& fault) {
    {
      const std::lock_guard lock(mutex_);
      ++usage_.n_unusable;
    }
    work.give_up(ask.tag, fault.what());
  }
}

void LexicalJudge::wait_for_wake() {
  std::unique_lock lock(mutex_);
  woken_.wait(lock, [this] { return is_woken_ || is_stopped_; });
  is_woken_ = false;
}

void LexicalJudge::require_going() const {
  const std::lock_guard lock(mutex_);
  if (is_stopped_) throw StoppedError("judge: stopped before all answers were given");
}

void LexicalJudge::wake() {
  const std::lock_guard lock(mutex_);
  is_woken_ = true;
  woken_.notify_all();
}

void LexicalJudge::stop() {
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
  woken_.notify_all();
}

JudgeUsage LexicalJudge::usage() const {
  const std::lock_guard lock(mutex_);
  return usage_;
}

}  // namespace saesweep::judge
