#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/files.h"
#include "base/hash.h"
#include "text/corpus.h"
#include "text/token_store.h"
#include "text/tokenizer.h"

namespace saesweep::text {

//! Writes a token store, a document at a time: each is opened by the end-of-text token, as sparsify does. Ids take
//! 16 bits where the vocabulary fits, else 32. Memory: one document and some 50 bytes for each written. The store
//! stands under its path from commit() on, whole.
class StoreWriter {
 public:
  //! Throws OutputError where the path cannot be written, TextError where the tokenizer has no end-of-text token.
  StoreWriter(const std::filesystem::path& path, const Tokenizer& tokenizer);

  //! Throws TextError where the text is not UTF-8, StoppedError on a full disk.
  void add(std::string_view text);
  //! Closes the store and gives the hex hash of its text. No add may follow.
  std::string commit();

  uint64_t n_tokens() const { return n_tokens_; }

 private:
  void write(std::span<const std::byte> bytes);
  template <typename Id>
  void write_ids(const std::vector<uint32_t>& ids);
  uint64_t key_of(const Digest& text);

  AtomicFile file_;
  Tokenizer tokenizer_;
  uint32_t end_of_text_;
  uint32_t id_bytes_;
  Sha256 checksum_;
  TextHash text_hash_;
  uint64_t n_tokens_ = 0;
  std::vector<DocumentRecord> documents_;
  //! How many documents stand before, by the first 8 bytes of their text's SHA-256.
  std::unordered_map<uint64_t, uint64_t> n_before_;
};

}  // namespace saesweep::text
