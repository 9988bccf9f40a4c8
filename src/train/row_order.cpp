#include "train/row_order.h"

#include <utility>

#include "base/random.h"

namespace saesweep::train {

RowOrder::RowOrder(std::string purpose, std::string text_hash, int64_t data_seed, int64_t n_rows)
    : purpose_(std::move(purpose)), text_hash_(std::move(text_hash)), data_seed_(data_seed), n_rows_(n_rows) {}

std::vector<int64_t> RowOrder::rows(int64_t first, int64_t n) {
  std::vector<int64_t> rows;
  rows.reserve(static_cast<size_t>(n));
  for (int64_t place = first; place < first + n; ++place) {
    if (const int64_t epoch = place / n_rows_; epoch != epoch_) {
      epoch_ = epoch;
      permutation_ =
          permutation(static_cast<uint64_t>(n_rows_), Stream{"row order", purpose_, text_hash_, data_seed_, epoch});
    }
    rows.push_back(permutation_[static_cast<size_t>(place % n_rows_)]);
  }
  return rows;
}

}  // namespace saesweep::train
