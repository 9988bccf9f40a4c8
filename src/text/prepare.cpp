#include "text/prepare.h"

#include <fmt/format.h>

#include "base/errors.h"
#include "text/corpus.h"
#include "text/store_writer.h"

namespace saesweep::text {

namespace {

bool is_sound(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return false;
  try {
    TokenStore::open(path);
    return true;
  } catch (const TextError&) {
    return false;
  }
}

void make_store(const std::filesystem::path& path, const Corpus& corpus, Split split, const Tokenizer& tokenizer,
                const std::string& text_hash) {
  StoreWriter writer(path, tokenizer);
  corpus.for_each(split, [&](std::string_view text) { writer.add(text); });
  const std::string written = writer.commit();
  if (written == text_hash) return;
  std::filesystem::remove(path);
  throw TextError("[text]", "a file changed while it was read; start again");
}

void require_a_row(const std::filesystem::path& path, int64_t context_length, const char* key) {
  const uint64_t n_tokens = TokenStore::open(path).n_tokens();
  if (n_tokens >= static_cast<uint64_t>(context_length)) return;
  throw TextError(key, fmt::format("holds {} tokens, less than one row of context_length = {}; give more text or a "
                                   "shorter context",
                                   n_tokens, context_length));
}

std::filesystem::path prepare_store(const Corpus& corpus, Split split, const std::string& text_hash,
                                    const Tokenizer& tokenizer, const std::filesystem::path& folder) {
  const auto path =
      folder / fmt::format("text-{}-tokenizer-{}.tokens", text_hash.substr(0, 16), tokenizer.hash().substr(0, 16));
  if (!is_sound(path)) make_store(path, corpus, split, tokenizer, text_hash);
  return path;
}

}  // namespace

StorePaths prepare_stores(const TextOptions& options, const Tokenizer& tokenizer, const std::filesystem::path& folder) {
  const Corpus corpus(options);
  const TextSummary summary = summarize(corpus);
  StorePaths paths;
  paths.train = prepare_store(corpus, Split::kTrain, summary.train.hash, tokenizer, folder);
  paths.held_out = prepare_store(corpus, Split::kHeldOut, summary.held_out.hash, tokenizer, folder);
  require_a_row(paths.train, options.context_length, "[text] train");
  require_a_row(paths.held_out, options.context_length, "[text] held_out");
  return paths;
}

}  // namespace saesweep::text
