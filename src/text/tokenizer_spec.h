#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"

namespace saesweep::text {

//! What a byte-level BPE tokenizer.json says.
struct TokenizerSpec {
  //! Hex SHA-256 of the file.
  std::string hash;
  bool nfc = false;
  bool add_prefix_space = false;
  //! Words are cut by GPT-2's expression before the merges.
  bool use_regex = true;
  //! Words of the vocabulary in the byte alphabet (byte_alphabet.h).
  std::unordered_map<std::string, uint32_t> vocabulary;
  std::array<std::optional<uint32_t>, 256> byte_ids;
  std::optional<uint32_t> unknown;
  std::vector<Merge> merges;
  std::vector<AddedToken> added_tokens;
};

//! Reads a tokenizer.json of Hugging Face tokenizers. Throws TextError where the file is missing, damaged, or of a
//! kind other than byte-level BPE (another model, normalizer or pre-tokenizer), by name. Truncation, padding and the
//! post-processor are left out.
TokenizerSpec read_tokenizer(const std::filesystem::path& path);

}  // namespace saesweep::text
