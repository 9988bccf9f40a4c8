#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace saesweep::train {

//! The order in which rows of a text are read: a keyed permutation of all rows, and another one each time the text
//! is used up. Depends on the text's hash, the data seed and the purpose ("train", "held out") alone: the same for
//! every variant, layer and SAE.
class RowOrder {
 public:
  //! n_rows >= 1.
  RowOrder(std::string purpose, std::string text_hash, int64_t data_seed, int64_t n_rows);

  //! Rows at places first .. first + n - 1 of the order.
  std::vector<int64_t> rows(int64_t first, int64_t n);

 private:
  std::string purpose_;
  std::string text_hash_;
  int64_t data_seed_;
  int64_t n_rows_;
  int64_t epoch_ = -1;
  std::vector<uint32_t> permutation_;
};

}  // namespace saesweep::train
