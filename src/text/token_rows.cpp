#include "text/token_rows.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace saesweep::text {

TokenRows::TokenRows(TokenStream stream, int64_t context_length)
    : stream_(std::move(stream)), context_length_(context_length), n_rows_(0) {
  if (context_length < 1) throw std::invalid_argument("TokenRows: a row holds at least one token");
  n_rows_ = static_cast<int64_t>(stream_.n_tokens()) / context_length;
}

void TokenRows::ids(int64_t row, std::span<int64_t> out) const {
  const auto n = static_cast<uint64_t>(context_length_);
  auto* next = out.data();
  stream_.for_each_run(static_cast<uint64_t>(row) * n, n, [&](uint64_t first, uint64_t n_run) {
    for (uint64_t i = 0; i < n_run; ++i) *next++ = stream_.store().token(first + i);
  });
}

void TokenRows::origins(int64_t row, std::span<TokenOrigin> out) const {
  const auto documents = stream_.store().documents();
  const auto n = static_cast<uint64_t>(context_length_);
  auto* next = out.data();
  stream_.for_each_run(static_cast<uint64_t>(row) * n, n, [&](uint64_t first, uint64_t n_run) {
    auto after =
        std::upper_bound(documents.begin(), documents.end(), first,
                         [](uint64_t at, const DocumentRecord& document) { return at < document.first_token; });
    for (uint64_t index = first; index < first + n_run; ++index) {
      while (after != documents.end() && after->first_token == index) ++after;
      const DocumentRecord& document = *(after - 1);
      *next++ = {document.key, static_cast<uint32_t>(index - document.first_token)};
    }
  });
}

}  // namespace saesweep::text
