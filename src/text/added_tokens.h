#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/pattern.h"

namespace saesweep::text {

//! A token that is looked for in the text itself, before words are cut.
struct AddedToken {
  std::string content;
  uint32_t id = 0;
  //! Only where no word character stands beside it.
  bool single_word = false;
  //! Swallows the white space on its left, on its right.
  bool lstrip = false;
  bool rstrip = false;
  //! Looked for in the normalized text, after those that are not.
  bool normalized = false;
  bool special = false;
};

//! Bytes [begin, end) of a text: an added token, or the text between two.
struct Piece {
  std::optional<uint32_t> id;
  size_t begin = 0;
  size_t end = 0;
};

//! Cuts texts at added tokens: leftmost first, of those the longest, as Hugging Face tokenizers
//! (tokenizers/src/tokenizer/added_vocabulary.rs). Thread-safe.
class AddedTokenCutter {
 public:
  explicit AddedTokenCutter(std::vector<AddedToken> tokens);

  //! The pieces of a text, in order; none is empty.
  std::vector<Piece> cut(std::string_view text) const;

 private:
  struct Node {
    std::vector<std::pair<char, uint32_t>> children;
    std::optional<size_t> token;
  };
  struct Found {
    size_t begin;
    size_t end;
    const AddedToken* token;
  };
  void insert(const std::string& content, size_t token);
  const Node* child(const Node& node, char byte) const;
  std::optional<Found> find(std::string_view text, size_t from) const;
  bool stands_alone(std::string_view text, const Found& found) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;
  std::array<bool, 256> opens_{};
  Pattern word_character_;
};

}  // namespace saesweep::text
