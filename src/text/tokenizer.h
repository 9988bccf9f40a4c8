#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace saesweep::text {

//! A byte-level BPE tokenizer (GPT-NeoX, Pythia, GPT-2) that gives the ids of Hugging Face tokenizers'
//! `Tokenizer.encode(text, add_special_tokens=False)`. Copies share the tables. Thread-safe.
class Tokenizer {
 public:
  //! From a tokenizer.json. Throws TextError where the file is missing, damaged, or of another kind.
  static Tokenizer load(const std::filesystem::path& path);

  //! The tokens of a text; added tokens in the text (`<|endoftext|>`) are recognised, none is put before or after.
  //! Throws TextError where the text is not UTF-8.
  std::vector<uint32_t> encode(std::string_view text) const;
  //! The last place above `from`, 0 for none, at which text may be cut so that the tokens of the two sides, one after
  //! the other, are those of the whole, whatever follows: before a space or new line after anything else than white
  //! space, which no word, composed character or added token spans.
  size_t last_cut(std::string_view text, size_t from = 0) const;
  //! The bytes of tokens; for part of a text they may begin or end within a character. Added tokens are written
  //! out. Throws TextError for an id without token.
  std::string decode(std::span<const uint32_t> ids) const;

  //! The id of <|endoftext|>, which opens each document. Throws TextError where the tokenizer has none.
  uint32_t end_of_text() const;
  //! One more than the greatest id.
  uint32_t vocab_size() const;
  //! Hex SHA-256 of the file.
  const std::string& hash() const;

 private:
  struct Tables;
  explicit Tokenizer(std::shared_ptr<const Tables> tables) : tables_(std::move(tables)) {}

  std::shared_ptr<const Tables> tables_;
};

}  // namespace saesweep::text
