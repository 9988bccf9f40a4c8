#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "judge/options.h"

namespace saesweep::judge {

//! What this rank may still spend of `[judge] budget_requests` and `budget_tokens`.
class Budget {
 public:
  Budget(const JudgeOptions& options, int rank, int n_ranks);

  bool is_spent() const;
  bool counts_tokens() const { return most_tokens_.has_value(); }
  void on_sent() { ++n_requests_; }
  void on_tokens(int64_t n) { n_tokens_ += n; }
  //! What is spent, in words, by the names of the sweep file.
  std::string describe() const;

 private:
  std::optional<int64_t> most_requests_;
  std::optional<int64_t> most_tokens_;
  int64_t n_requests_ = 0;
  int64_t n_tokens_ = 0;
};

}  // namespace saesweep::judge
