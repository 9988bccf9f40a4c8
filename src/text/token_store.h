#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/files.h"
#include "base/hash.h"

namespace saesweep::text {

//! A document of a token store.
struct DocumentRecord {
  //! Identifies the document by content: the first 8 bytes of the SHA-256 of its digest and of how many documents
  //! of the same text stand before. Keys the control's noise.
  uint64_t key = 0;
  //! Place of its first token in the stream: of the end-of-text token that opens a text, of the first id of a row.
  uint64_t first_token = 0;
  //! SHA-256 of its text, or of the bytes of its ids.
  Digest digest{};
};

//! A tokenized text, memory-mapped: the documents in the order of the files, each text opened by the end-of-text
//! token, ids of 16 or 32 bits, with checksums and the hashes of text and tokenizer.
class TokenStore {
 public:
  //! Reads its head and end alone. Throws TextError where the file is missing, cut short, of another version, or
  //! damaged there; the rest is for verify().
  static TokenStore open(const std::filesystem::path& path);

  //! Checks the bytes of every step-th block from `first` on against their checksums: all of them, or a rank's
  //! share. Throws TextError where they are damaged.
  void verify(uint64_t first = 0, uint64_t step = 1) const;

  const std::filesystem::path& path() const { return file_.path(); }
  uint64_t n_tokens() const;
  uint32_t token(uint64_t index) const;
  std::span<const DocumentRecord> documents() const { return documents_; }
  //! JSON lines that were left out as bad when it was made.
  uint64_t n_bad_lines() const { return n_bad_lines_; }
  //! Hex hash of the documents' digests, in order.
  const std::string& text_hash() const { return text_hash_; }
  //! Hex hash of tokenizer.json.
  const std::string& tokenizer_hash() const { return tokenizer_hash_; }

 private:
  TokenStore() = default;

  MappedFile file_;
  std::variant<std::span<const uint16_t>, std::span<const uint32_t>> ids_;
  std::span<const DocumentRecord> documents_;
  std::span<const Digest> block_hashes_;
  uint64_t n_bad_lines_ = 0;
  std::string text_hash_;
  std::string tokenizer_hash_;
};

//! Throws TextError unless the store was made with this tokenizer (its hash).
void require_tokenizer(const TokenStore& store, const std::string& tokenizer_hash);

}  // namespace saesweep::text
