#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "evaluate/windows.h"
#include "text/token_rows.h"

namespace saesweep::evaluate {

//! A sample of rows of text, cut into windows: window w is the (w modulo windows_per_row)-th of the sample's row
//! w / windows_per_row. Windows that repeat an earlier one, or hold a special token, count nowhere: in the latter,
//! right marks never stand on that token, but wrong ones might. Views the rows. Thread-compatible.
class HarvestText {
 public:
  //! sample: numbers of the rows in the order they are read. window_tokens: a divisor of the context length.
  HarvestText(const text::TokenRows& rows, std::vector<int64_t> sample, int64_t window_tokens,
              std::vector<uint32_t> special_ids = {});

  int64_t context_length() const { return rows_->context_length(); }
  int64_t window_tokens() const { return window_tokens_; }
  int64_t windows_per_row() const { return context_length() / window_tokens_; }
  const std::vector<int64_t>& sample() const { return sample_; }
  int64_t n_tokens() const { return static_cast<int64_t>(sample_.size()) * context_length(); }
  int64_t n_windows() const { return static_cast<int64_t>(counts_.size()); }
  bool counts(int64_t window) const { return counts_[static_cast<size_t>(window)]; }
  //! Windows that count.
  int64_t n_counted() const { return n_counted_; }
  //! Whether a token is special.
  bool is_special(int64_t id) const;

  //! Where a row of the text stands in the sample.
  int64_t place_of(int64_t row) const { return places_.at(row); }
  //! Token ids of a row, by its place in the sample, [context_length].
  std::vector<int64_t> row_ids(int64_t place) const;
  //! The window of `window_tokens` tokens from `start` on in a row, without activations.
  Window cut(int64_t place, int32_t start) const;

 private:
  const text::TokenRows* rows_;
  std::vector<int64_t> sample_;
  int64_t window_tokens_;
  std::unordered_map<int64_t, int64_t> places_;
  std::vector<uint32_t> special_ids_;
  std::vector<bool> counts_;
  int64_t n_counted_ = 0;
};

//! A hash of token ids, by which windows of equal tokens are told.
uint64_t hash_of_ids(const int64_t* ids, int64_t n);

}  // namespace saesweep::evaluate
