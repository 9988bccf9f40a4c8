#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "judge/lexical_rules.h"

namespace saesweep::judge {

//! What sets the marked pieces of examples apart from the others: rules, the surest first, in an explanation of at most
//! max_bytes. Only what came up in two examples makes a rule; the rest of the words are gathered as rare ones, whose
//! counts are Good and Turing's estimate.
RuleList learn_rules(std::span<const std::string_view> examples, size_t max_bytes);

}  // namespace saesweep::judge
