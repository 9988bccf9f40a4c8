#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "autointerp/examples.h"
#include "autointerp/options.h"
#include "autointerp/scores.h"
#include "judge/judge.h"

namespace saesweep::autointerp {

//! What scoring has to know of the judge.
struct JudgeAbilities {
  bool logprobs = true;
  //! Whether it gives logprobs of prompts.
  bool prompt_logprobs = false;
};

//! Has the drawn latents of one SAE explained and scored: an explanation a latent; once it is there, all prompts of its
//! scorers, one after the other, so that the endpoint finds their common beginning in its cache; and when all are
//! explained, the prompts of the null latents with the explanation of another. What comes out does not depend on the
//! order of replies.
class CellScoring : public judge::Work {
 public:
  CellScoring(std::vector<LatentExamples> latents, const AutointerpOptions& options, const JudgeAbilities& judge,
              TokenText token_text);

  std::optional<Ask> next() override;
  void take(uint64_t tag, const judge::Reply& reply) override;
  void give_up(uint64_t tag, const std::string& fault) override;
  bool is_done() const override;

  const std::vector<LatentExamples>& latents() const { return latents_; }
  //! When it is done.
  const std::vector<LatentScores>& scores() const { return scores_; }
  //! The task ("explanations", "fuzzing", ...) of which requests were made and none was answered: the judge is lost, or
  //! of no use for it. "" where there is none.
  std::string unanswered_task() const;
  //! What the last unusable reply lacked.
  const std::string& last_fault() const { return last_fault_; }

 private:
  enum class Task { kExplanation, kFuzzing, kDetection, kSimulation };
  //! A prompt: some examples of a latent, in the words of an explanation.
  struct Prompt {
    Task task;
    size_t latent;
    bool is_null = false;
    //! Examples of the scorer: first, number.
    size_t first = 0;
    size_t n = 0;
  };

  //! Requests of a task, by what became of them.
  struct Tally {
    int64_t n_taken = 0;
    int64_t n_given_up = 0;
  };

  judge::Request request_of(const Prompt& prompt) const;
  judge::Request explanation_request(const LatentExamples& examples) const;
  judge::Request classification_request(const Prompt& prompt) const;
  judge::Request simulation_request(const Prompt& prompt) const;
  const std::string& explanation_for(const Prompt& prompt) const;
  bool wants(const std::string& scorer) const;

  void prepare(size_t latent);
  void add_prompts(size_t latent, bool is_null);
  void explained();
  void add_nulls();
  int64_t null_of(size_t latent) const;
  void take_explanation(const Prompt& prompt, const judge::Reply& reply);
  template <typename Scores>
  static auto& judged_of(Scores& scores, const Prompt& prompt);
  Simulated& simulated_of(const Prompt& prompt);
  void finish_latent(LatentScores& scores);
  void finish();

  std::vector<LatentExamples> latents_;
  AutointerpOptions options_;
  JudgeAbilities judge_;
  TokenText token_text_;
  std::vector<LatentScores> scores_;
  std::deque<Prompt> ready_;
  std::map<uint64_t, Prompt> asked_;
  uint64_t next_tag_ = 0;
  size_t n_explanations_asked_ = 0;
  size_t n_explanations_open_;
  std::map<Task, Tally> tallies_;
  std::string last_fault_;
};

}  // namespace saesweep::autointerp
