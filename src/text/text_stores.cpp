#include "text/text_stores.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/errors.h"
#include "text/documents.h"

namespace saesweep::text {

namespace fs = std::filesystem;

namespace {

//! Hash of what tells whether files must be read again.
std::string files_hash(const std::vector<fs::path>& files, const ReadOptions& options) {
  Sha256 hash;
  hash.update(fmt::format("{}\n{}\n{}\n", options.text_key, options.skip_bad_lines, options.bin_row_tokens));
  return hex(hash.update(files_stamp(files)).finish(), 8);
}

NeededStore needed_store(const std::vector<fs::path>& files, const ReadOptions& options,
                         const std::string& tokenizer_hash, const fs::path& folder) {
  if (files.size() == 1 && kind_of(files.front()) == FileKind::kStore) return {files.front(), {}, true};
  return {folder / fmt::format("text-{}-tokenizer-{}.tokens", files_hash(files, options), tokenizer_hash.substr(0, 16)),
          files, false};
}

TokenRows rows_of(const TokenStore& store, const Corpus& corpus, Split split, int64_t context_length) {
  TokenStream stream(store, [&](const Digest& document) { return corpus.is_in(split, document); });
  if (stream.n_tokens() < static_cast<uint64_t>(context_length)) {
    throw TextError(corpus.place_of(split),
                    fmt::format("holds {} tokens, less than one row of context_length = {}; give more text or a "
                                "shorter context",
                                stream.n_tokens(), context_length));
  }
  return {std::move(stream), context_length};
}

}  // namespace

std::string files_stamp(const std::vector<fs::path>& files) {
  Sha256 hash;
  for (const auto& path : files) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) throw TextError(path.string(), std::strerror(errno));
    hash.update(
        fmt::format("{}\n{} {}.{:09}\n", path.string(), status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec));
  }
  return hex(hash.finish());
}

NeededStores needed_stores(const Corpus& corpus, const ReadOptions& options, const std::string& tokenizer_hash,
                           const fs::path& folder) {
  NeededStores stores{needed_store(corpus.files(Split::kTrain), options, tokenizer_hash, folder), std::nullopt};
  if (corpus.has_held_out_files()) {
    stores.held_out = needed_store(corpus.files(Split::kHeldOut), options, tokenizer_hash, folder);
  }
  return stores;
}

bool is_made(const NeededStore& store, const std::string& tokenizer_hash) {
  if (store.is_given) {
    require_tokenizer(TokenStore::open(store.path), tokenizer_hash);
    return true;
  }
  if (!fs::exists(store.path)) return false;
  try {
    require_tokenizer(TokenStore::open(store.path), tokenizer_hash);
    return true;
  } catch (const TextError&) {
    return false;
  }
}

TokenizedText::TokenizedText(const NeededStores& stores, const Corpus& corpus, int64_t context_length) {
  const auto open = [&](const NeededStore& store) {
    stores_.push_back(std::make_unique<TokenStore>(TokenStore::open(store.path)));
    return stores_.back().get();
  };
  const TokenStore* train = open(stores.train);
  const TokenStore* held_out = stores.held_out ? open(*stores.held_out) : train;
  train_ = rows_of(*train, corpus, Split::kTrain, context_length);
  held_out_ = rows_of(*held_out, corpus, Split::kHeldOut, context_length);
}

uint64_t TokenizedText::n_bad_lines() const {
  uint64_t n = 0;
  for (const auto& store : stores_) n += store->n_bad_lines();
  return n;
}

}  // namespace saesweep::text
