#pragma once

#include <cstdint>
#include <span>

#include "text/token_stream.h"

namespace saesweep::text {

//! Where a token stands: its document's key and its place in it (the end-of-text token that opens a document is
//! place 0).
struct TokenOrigin {
  uint64_t document = 0;
  uint32_t position = 0;
};

//! A stream cut into rows of context_length tokens; a shorter rest is dropped, as sparsify does. Views the stream's
//! store, which must outlive it. Thread-compatible.
class TokenRows {
 public:
  TokenRows(TokenStream stream, int64_t context_length);

  int64_t n_rows() const { return n_rows_; }
  int64_t context_length() const { return context_length_; }
  const TokenStream& stream() const { return stream_; }
  //! Token ids of a row into out, [context_length].
  void ids(int64_t row, std::span<int64_t> out) const;
  //! Origins of a row's tokens into out, [context_length].
  void origins(int64_t row, std::span<TokenOrigin> out) const;

 private:
  TokenStream stream_;
  int64_t context_length_;
  int64_t n_rows_;
};

}  // namespace saesweep::text
