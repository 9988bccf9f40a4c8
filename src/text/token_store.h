#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/files.h"

namespace saesweep::text {

//! A document of a token store.
struct DocumentRecord {
  //! Identifies the document by content: the first 8 bytes of the SHA-256 of its text and of how many documents
  //! of the same text stand before it. Keys the control's noise.
  uint64_t key = 0;
  //! Place of its first token (the end-of-text token that opens it) in the stream.
  uint64_t first_token = 0;
};

//! A tokenized text, memory-mapped: the documents in the order of the files, each opened by the end-of-text
//! token, ids of 16 or 32 bits, with a checksum and the hashes of text and tokenizer.
class TokenStore {
 public:
  //! Throws TextError where the file is missing, cut short, damaged, or of another version.
  static TokenStore open(const std::filesystem::path& path);

  uint64_t n_tokens() const;
  uint32_t token(uint64_t index) const;
  std::span<const DocumentRecord> documents() const;
  //! Hex hash of the documents' texts, in order.
  const std::string& text_hash() const;
  //! Hex hash of tokenizer.json.
  const std::string& tokenizer_hash() const;

 private:
  TokenStore() = default;

  MappedFile file_;
  std::variant<std::span<const uint16_t>, std::span<const uint32_t>> ids_;
  std::span<const DocumentRecord> documents_;
  std::string text_hash_;
  std::string tokenizer_hash_;
};

}  // namespace saesweep::text
