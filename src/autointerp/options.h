#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "judge/chat.h"

namespace saesweep::autointerp {

//! The prompt of one task, as a file of share/prompts says it (docs/prompts.md). In its texts {name} stands for what
//! the task puts there; braces around anything else stay as they are.
struct PromptTemplate {
  //! As the sweep names it: a path, or the bare name of one that the program brings.
  std::string name;
  //! The file's own text, and its path.
  std::string source_text;
  std::string path;

  std::string system;
  //! Turns shown before the question, user and assistant in turn.
  std::vector<judge::Message> shots;
  std::string user;
  //! One of the examples that stand for {examples}.
  std::string example;
  //! Explanation: what follows the last of these in the reply is the explanation; "": all of it.
  std::string answer_after;
  int64_t max_tokens = 256;
};

//! The prompts of all tasks.
struct PromptTemplates {
  PromptTemplate explanation;
  PromptTemplate fuzzing;
  PromptTemplate detection;
  PromptTemplate simulation;
  //! Simulation by the logprobs of the prompt: `user` is the whole of it.
  PromptTemplate simulation_prompt;
};

//! Which latents are scored, on what, and how.
struct AutointerpOptions {
  //! Whether the sweep has a table [autointerp], with latents to score; without it nothing is scored.
  bool is_wanted = false;
  //! Latents scored a cell, drawn at random.
  int64_t latents = 100;
  //! Of them, latents that are also scored with another latent's explanation.
  int64_t null_latents = 20;
  //! "fuzzing", "detection", "simulation".
  std::vector<std::string> scorers = {"fuzzing", "detection"};

  //! Held-out tokens in which windows are sought.
  int64_t harvest_tokens = 10'000'000;
  //! Memory for windows a rank, in 10^9 bytes.
  double harvest_memory_gb = 2;
  //! Tokens a window.
  int64_t window_tokens = 32;
  //! "aligned": rows are cut into windows; "centered": the peak stands at three quarters.
  std::string window = "aligned";
  //! Firing windows a latent needs to be scored.
  int64_t min_windows = 200;
  //! Whether windows with special tokens (the end of a text) count.
  bool special_tokens = false;

  int64_t explainer_examples = 40;
  //! "quantiles" (evenly from ten), "top", "random", or "mix" (half top, half quantiles).
  std::string explainer_selection = "quantiles";
  //! Firing examples of a scorer.
  int64_t scorer_examples = 50;
  //! "quantiles" or "random".
  std::string scorer_selection = "quantiles";
  //! Silent windows of detection; 0: as many as scorer_examples.
  int64_t silent_examples = 0;
  //! Which silent windows: "random", or of the nearest latents by "decoder" or "cooccurrence".
  std::string negatives = "random";
  //! Where wrong marks of fuzzing stand: in "silent_windows", on "silent_tokens" of firing ones, or half of each:
  //! "both".
  std::string fuzz_negatives = "both";
  //! Examples simulated a latent.
  int64_t simulation_examples = 10;
  int64_t examples_per_prompt = 5;
  //! Tokens above this share of their window's peak are marked.
  double mark_threshold = 0.3;
  //! Windows with the highest peaks that the token distribution entropy is taken over.
  int64_t entropy_examples = 40;
  //! Of them, windows stored in the results.
  int64_t stored_examples = 10;

  PromptTemplates prompts;

  int64_t n_silent() const { return silent_examples > 0 ? silent_examples : scorer_examples; }
};

}  // namespace saesweep::autointerp
