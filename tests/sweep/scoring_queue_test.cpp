#include "sweep/scoring_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/errors.h"

namespace saesweep::sweep {
namespace {

using autointerp::AutointerpOptions;
using autointerp::CellScoring;

//! Holds a few requests back and answers the oldest; loses them all after so many.
class SlowJudge : public judge::Judge {
 public:
  explicit SlowJudge(int64_t n_until_lost = -1) : n_until_lost_(n_until_lost) {}

  void answer(judge::Work& work) override {
    std::deque<judge::Work::Ask> held;
    while (!work.is_done()) {
      if (is_stopped_) throw StoppedError("stopped");
      while (held.size() < 5) {
        auto ask = work.next();
        if (!ask) break;
        held.push_back(*std::move(ask));
      }
      if (held.empty()) {
        std::unique_lock lock(mutex_);
        woken_.wait_for(lock, std::chrono::milliseconds(20));
        continue;
      }
      if (n_answered_ == n_until_lost_) throw StoppedError("the judge is lost");
      ++n_answered_;
      judge::Reply reply;
      reply.text =
          held.front().request.messages.back().content.starts_with("explain") ? "an explanation" : "[1, 0, 1, 0]";
      const uint64_t tag = held.front().tag;
      held.pop_front();
      work.take(tag, reply);
    }
  }
  void wake() override { woken_.notify_all(); }
  void stop() override {
    is_stopped_ = true;
    wake();
  }
  judge::JudgeUsage usage() const override { return {.n_sent = n_answered_}; }

 private:
  int64_t n_until_lost_;
  std::atomic<int64_t> n_answered_ = 0;
  std::atomic<bool> is_stopped_ = false;
  std::mutex mutex_;
  std::condition_variable woken_;
};

AutointerpOptions options() {
  AutointerpOptions made;
  made.scorers = {"detection"};
  made.scorer_examples = 2;
  made.null_latents = 1;
  made.examples_per_prompt = 4;
  made.prompts.explanation.user = "explain";
  made.prompts.detection.user = "detect";
  return made;
}

std::unique_ptr<CellScoring> scoring(size_t n_latents) {
  evaluate::Window window{.row = 0, .start = 0, .ids = {1, 2}, .activations = {1, 0}};
  autointerp::LatentExamples latent;
  latent.explainer = {window};
  latent.firing = {window, window};
  latent.firing_quantile = {0, 9};
  window.activations = {0, 0};
  latent.silent = {window, window};
  return std::make_unique<CellScoring>(std::vector<autointerp::LatentExamples>(n_latents, latent), options(),
                                       autointerp::JudgeAbilities{.logprobs = false},
                                       [](uint32_t) { return std::string("x"); });
}

TEST(ScoringQueue, JudgesEveryCellAndMakesItsWorkOnlyWhenItsTurnComes) {
  std::atomic<int> n_made = 0;
  ScoringQueue queue(std::make_unique<SlowJudge>());
  constexpr uint64_t kCells = 20;
  for (uint64_t row = 0; row < kCells; ++row) {
    // Every third cell has no latents to score.
    queue.submit(row, [&, row] {
      ++n_made;
      return scoring(row % 3);
    });
  }
  std::map<uint64_t, size_t> done;
  while (queue.n_open() > 0) {
    for (const ScoredCell& cell : queue.finished()) {
      EXPECT_TRUE(cell.scoring->is_done());
      EXPECT_TRUE(done.emplace(cell.row, cell.scoring->scores().size()).second) << "a cell twice";
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(done.size(), kCells);
  for (const auto& [row, n_latents] : done) EXPECT_EQ(n_latents, row % 3);
  EXPECT_EQ(n_made, static_cast<int>(kCells));
  EXPECT_FALSE(queue.lost());
}

TEST(ScoringQueue, TellsThatTheJudgeIsLostAndKeepsWhatWasDone) {
  ScoringQueue queue(std::make_unique<SlowJudge>(30));
  for (uint64_t row = 0; row < 10; ++row) queue.submit(row, [] { return scoring(2); });
  while (!queue.lost()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_THROW(std::rethrow_exception(queue.lost()), StoppedError);
  const size_t n_done = queue.finished().size();
  EXPECT_GE(n_done, 1u) << "a cell takes 5 requests";
  EXPECT_LE(n_done, 6u);
  EXPECT_EQ(queue.n_open(), 10 - n_done);
}

TEST(ScoringQueue, WorkThatCannotBeMadeEndsTheJudging) {
  ScoringQueue queue(std::make_unique<SlowJudge>());
  queue.submit(0, []() -> std::unique_ptr<CellScoring> { throw SystemError("the file is gone"); });
  while (!queue.lost()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_THROW(std::rethrow_exception(queue.lost()), SystemError);
}

TEST(ScoringQueue, EndsAtOnceWithWorkLeft) {
  const auto start = std::chrono::steady_clock::now();
  {
    ScoringQueue queue(std::make_unique<SlowJudge>());
    for (uint64_t row = 0; row < 1000; ++row) queue.submit(row, [] { return scoring(50); });
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace saesweep::sweep
