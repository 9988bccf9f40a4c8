#include "judge/openai_judge.h"

#include "base/errors.h"
#include "judge/openai_request.h"

namespace saesweep::judge {

namespace {

constexpr double kIdleSeconds = 10;

//! Leaves nothing under way, however answering ends.
class Dropping {
 public:
  explicit Dropping(Delivery& delivery) : delivery_(delivery) {}
  ~Dropping() { delivery_.drop_all(); }
  Dropping(const Dropping&) = delete;
  Dropping& operator=(const Dropping&) = delete;

 private:
  Delivery& delivery_;
};

}  // namespace

OpenAiJudge::OpenAiJudge(const JudgeOptions& options, const JudgePlace& place)
    : options_(options),
      delivery_(options, place, usage_),
      cache_(place.cache_folder, place.other_cache_folders, place.rank, place.log) {
  extra_fields(options);
}

void OpenAiJudge::answer(Work& work) {
  const Dropping dropping(delivery_);
  answer_all(work);
  cache_.flush();
}

void OpenAiJudge::answer_all(Work& work) {
  Answering answering(options_, delivery_, cache_, usage_, work, n_given_up_);
  while (true) {
    if (is_stopped_) throw StoppedError("the judge was stopped; start the same command again to go on");
    const bool is_burst = answering.draw();
    if (answering.is_idle() && !is_burst && answering.give_up_all()) continue;
    if (answering.is_idle() && work.is_done()) return;
    answering.settle(is_burst ? 0 : kIdleSeconds);
  }
}

void OpenAiJudge::wake() {
  delivery_.wake();
}

void OpenAiJudge::stop() {
  is_stopped_ = true;
  delivery_.wake();
}

JudgeUsage OpenAiJudge::usage() const {
  return usage_.read();
}

}  // namespace saesweep::judge
