#include "text/token_stream.h"

#include <algorithm>

#include "text/corpus.h"

namespace saesweep::text {

TokenStream::TokenStream(const TokenStore& store, const std::function<bool(const Digest&)>& keeps) : store_(&store) {
  const auto documents = store.documents();
  TextHash hash;
  uint64_t store_end = 0;
  for (size_t i = 0; i < documents.size(); ++i) {
    if (!keeps(documents[i].digest)) continue;
    const uint64_t first = documents[i].first_token;
    const uint64_t end = i + 1 < documents.size() ? documents[i + 1].first_token : store.n_tokens();
    if (segments_.empty() || first != store_end) segments_.push_back({n_tokens_, first});
    store_end = end;
    n_tokens_ += end - first;
    ++n_documents_;
    hash.add(documents[i].digest);
  }
  text_hash_ = hash.finish();
}

void TokenStream::for_each_run(uint64_t begin, uint64_t n,
                               const std::function<void(uint64_t first, uint64_t n)>& visit) const {
  auto segment = std::upper_bound(segments_.begin(), segments_.end(), begin,
                                  [](uint64_t at, const Segment& one) { return at < one.in_stream; }) -
                 1;
  for (const uint64_t end = begin + n; begin < end; ++segment) {
    const uint64_t segment_end = segment + 1 < segments_.end() ? (segment + 1)->in_stream : n_tokens_;
    const uint64_t n_here = std::min(end, segment_end) - begin;
    if (n_here > 0) visit(segment->in_store + (begin - segment->in_stream), n_here);
    begin += n_here;
  }
}

}  // namespace saesweep::text
