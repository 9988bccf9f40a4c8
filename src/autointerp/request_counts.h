#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autointerp/options.h"

namespace saesweep::autointerp {

//! Requests of one task, and about how many tokens their prompts and replies have.
struct RequestCount {
  //! "explanation", "fuzzing", "detection", "simulation", or "null" for all that is asked with another latent's
  //! explanation.
  std::string task;
  int64_t n_requests = 0;
  double n_prompt_tokens = 0;
  double n_reply_tokens = 0;
};

//! What judging one SAE of n_latents takes where enough of them qualify, retries aside: a line a task, in the order of
//! the list above, wanted ones only. by_prompt: simulation reads logprobs of prompts, and nothing is generated. Tokens
//! are estimates: 4 characters of a template count as one, and a window as its own tokens. The prompts must be read.
std::vector<RequestCount> request_counts(const AutointerpOptions& options, bool by_prompt, int64_t n_latents);

}  // namespace saesweep::autointerp
