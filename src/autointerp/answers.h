#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "judge/chat.h"

namespace saesweep::autointerp {

//! What a judge says of one example.
struct Answer {
  //! 0 or 1; -1: missing.
  int8_t answer = -1;
  //! P(1) / (P(0) + P(1)) over the candidates at the answer; NaN: missing, or no logprobs.
  float probability = std::numeric_limits<float>::quiet_NaN();

  bool operator==(const Answer&) const = default;
};

// All throw judge::UnusableReply, which says what is wrong with the reply.

//! The explanation: what follows the last `after` in the reply, or all of it; one line, without quotes around it.
std::string read_explanation(const judge::Reply& reply, const std::string& after);

//! The last JSON array of the reply, n numbers 0 or 1. With logprobs an answer with neither 0 nor 1 among its
//! candidates is missing, and a reply without candidates unusable.
std::vector<Answer> read_classification(const judge::Reply& reply, size_t n, bool logprobs);

//! The last JSON array of the reply, n whole numbers from 0 to 10; where candidates are given, the number expected from
//! them.
std::vector<double> read_simulation(const judge::Reply& reply, size_t n);

//! The numbers expected at the last n places in the prompt that are "?" after a tab; NaN where no candidate is a number
//! from 0 to 10.
std::vector<double> read_simulation_prompt(const judge::Reply& reply, size_t n);

}  // namespace saesweep::autointerp
