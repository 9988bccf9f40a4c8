#pragma once

#include <cstdint>
#include <vector>

#include "sae/codes.h"

namespace saesweep::sae {

//! A growing list of entries for each token, filled on several threads, a token on one at a time.
class TokenLists {
 public:
  struct List {
    std::vector<float> values;
    std::vector<int32_t> latents;
    //! Entries in use; the vectors may be longer.
    int64_t n = 0;

    //! Makes room for n_more entries.
    void reserve(int64_t n_more);
    //! Drops all entries not above the threshold.
    void keep_above(float threshold);
  };

  explicit TokenLists(int64_t n_tokens) : lists_(static_cast<size_t>(n_tokens)) {}

  List& operator[](int64_t token) { return lists_[static_cast<size_t>(token)]; }
  const List& operator[](int64_t token) const { return lists_[static_cast<size_t>(token)]; }
  int64_t n_tokens() const { return static_cast<int64_t>(lists_.size()); }

  //! All entries.
  Codes codes() const;

 private:
  std::vector<List> lists_;
};

}  // namespace saesweep::sae
