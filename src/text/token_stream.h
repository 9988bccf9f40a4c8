#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "text/token_store.h"

namespace saesweep::text {

//! Documents of a store one after the other: all, or those of one side of a split. Views the store, which must outlive
//! it; copies are cheap beside it.
class TokenStream {
 public:
  //! keeps: whether a document, by its digest, belongs to the stream.
  TokenStream(const TokenStore& store, const std::function<bool(const Digest&)>& keeps);

  uint64_t n_tokens() const { return n_tokens_; }
  uint64_t n_documents() const { return n_documents_; }
  //! Hex hash of the digests of its documents, in order.
  const std::string& text_hash() const { return text_hash_; }

  //! Calls visit(first, n) for the runs of the store's tokens that tokens [begin, begin + n) of the stream are.
  void for_each_run(uint64_t begin, uint64_t n, const std::function<void(uint64_t first, uint64_t n)>& visit) const;

  const TokenStore& store() const { return *store_; }

 private:
  //! Tokens that stand together in stream and store.
  struct Segment {
    uint64_t in_stream;
    uint64_t in_store;
  };

  const TokenStore* store_;
  std::vector<Segment> segments_;
  uint64_t n_tokens_ = 0;
  uint64_t n_documents_ = 0;
  std::string text_hash_;
};

}  // namespace saesweep::text
