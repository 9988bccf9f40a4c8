#include "text/token_rows.h"

#include <algorithm>
#include <stdexcept>

namespace saesweep::text {

TokenRows::TokenRows(const TokenStore& store, int64_t context_length)
    : store_(&store), context_length_(context_length), n_rows_(0) {
  if (context_length < 1) throw std::invalid_argument("TokenRows: a row holds at least one token");
  n_rows_ = static_cast<int64_t>(store.n_tokens()) / context_length;
}

void TokenRows::ids(int64_t row, std::span<int64_t> out) const {
  uint64_t index = static_cast<uint64_t>(row) * static_cast<uint64_t>(context_length_);
  for (auto& id : out) id = store_->token(index++);
}

void TokenRows::origins(int64_t row, std::span<TokenOrigin> out) const {
  const auto documents = store_->documents();
  uint64_t index = static_cast<uint64_t>(row) * static_cast<uint64_t>(context_length_);
  auto next = std::upper_bound(documents.begin(), documents.end(), index,
                               [](uint64_t at, const DocumentRecord& document) { return at < document.first_token; });
  for (auto& origin : out) {
    if (next != documents.end() && next->first_token == index) ++next;
    const DocumentRecord& document = *(next - 1);
    origin = {document.key, static_cast<uint32_t>(index - document.first_token)};
    ++index;
  }
}

}  // namespace saesweep::text
