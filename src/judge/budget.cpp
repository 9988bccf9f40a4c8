#include "judge/budget.h"

#include <fmt/format.h>

#include "judge/in_flight_limit.h"

namespace saesweep::judge {

namespace {

std::optional<int64_t> share_of_budget(int64_t budget, int rank, int n_ranks) {
  return budget == 0 ? std::nullopt : std::optional(share_of(budget, rank, n_ranks));
}

}  // namespace

Budget::Budget(const JudgeOptions& options, int rank, int n_ranks)
    : most_requests_(share_of_budget(options.budget_requests, rank, n_ranks)),
      most_tokens_(share_of_budget(options.budget_tokens, rank, n_ranks)) {}

bool Budget::is_spent() const {
  return (most_requests_ && n_requests_ >= *most_requests_) || (most_tokens_ && n_tokens_ >= *most_tokens_);
}

std::string Budget::describe() const {
  if (most_requests_ && n_requests_ >= *most_requests_) {
    return fmt::format("[judge] budget_requests is spent: {} sent, {} of them this rank's share", n_requests_,
                       *most_requests_);
  }
  return fmt::format("[judge] budget_tokens is spent: {} used, {} of them this rank's share", n_tokens_,
                     most_tokens_.value_or(0));
}

}  // namespace saesweep::judge
