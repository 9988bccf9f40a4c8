#include "text/added_tokens.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/white_space.h"

namespace saesweep::text {

namespace {

//! \w of Rust's regex crate (UTS #18, annex C).
constexpr const char* kWordCharacter = R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}])";

size_t start_of_last_character(std::string_view text) {
  size_t start = text.size() - 1;
  while ((static_cast<uint8_t>(text[start]) & 0xC0) == 0x80) --start;
  return start;
}

//! Where the white space at the end of text begins.
size_t start_of_white_tail(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    const size_t start = start_of_last_character(text.substr(0, end));
    size_t offset = start;
    if (!is_white_space(next_code_point(text, offset))) break;
    end = start;
  }
  return end;
}

//! Where the white space that text[from] opens ends.
size_t end_of_white_space(std::string_view text, size_t from) {
  while (from < text.size()) {
    size_t next = from;
    if (!is_white_space(next_code_point(text, next))) break;
    from = next;
  }
  return from;
}

}  // namespace

AddedTokenCutter::AddedTokenCutter(std::vector<AddedToken> tokens)
    : tokens_(std::move(tokens)), nodes_(1), word_character_(kWordCharacter) {
  for (size_t i = 0; i < tokens_.size(); ++i) insert(tokens_[i].content, i);
}

void AddedTokenCutter::insert(const std::string& content, size_t token) {
  if (content.empty()) return;
  opens_[static_cast<uint8_t>(content[0])] = true;
  size_t at = 0;
  for (const char byte : content) {
    const Node* next = child(nodes_[at], byte);
    if (next != nullptr) {
      at = static_cast<size_t>(next - nodes_.data());
      continue;
    }
    nodes_[at].children.emplace_back(byte, static_cast<uint32_t>(nodes_.size()));
    at = nodes_.size();
    nodes_.emplace_back();
  }
  if (!nodes_[at].token) nodes_[at].token = token;
}

const AddedTokenCutter::Node* AddedTokenCutter::child(const Node& node, char byte) const {
  for (const auto& [key, index] : node.children) {
    if (key == byte) return &nodes_[index];
  }
  return nullptr;
}

std::optional<AddedTokenCutter::Found> AddedTokenCutter::find(std::string_view text, size_t from) const {
  for (size_t begin = from; begin < text.size(); ++begin) {
    if (!opens_[static_cast<uint8_t>(text[begin])]) continue;
    std::optional<Found> longest;
    const Node* node = nodes_.data();
    for (size_t end = begin; end < text.size() && (node = child(*node, text[end])) != nullptr; ++end) {
      if (node->token) longest = Found{begin, end + 1, &tokens_[*node->token]};
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

bool AddedTokenCutter::stands_alone(std::string_view text, const Found& found) const {
  MatchScratch scratch;
  const auto is_word_at = [&](size_t offset) {
    size_t end = offset;
    next_code_point(text, end);
    return static_cast<bool>(word_character_.find(text.substr(offset, end - offset), 0, scratch));
  };
  if (found.begin > 0 && is_word_at(start_of_last_character(text.substr(0, found.begin)))) return false;
  return found.end == text.size() || !is_word_at(found.end);
}

std::vector<Piece> AddedTokenCutter::cut(std::string_view text) const {
  std::vector<Piece> pieces;
  size_t done = 0;
  size_t from = 0;
  while (const auto found = find(text, from)) {
    from = found->end;
    if (found->token->single_word && !stands_alone(text, *found)) continue;
    // White space that the token before swallowed is not cut twice.
    const size_t begin =
        found->token->lstrip ? std::max(start_of_white_tail(text.substr(0, found->begin)), done) : found->begin;
    const size_t end = found->token->rstrip ? end_of_white_space(text, found->end) : found->end;
    if (done < begin) pieces.push_back({std::nullopt, done, begin});
    pieces.push_back({found->token->id, begin, end});
    done = end;
  }
  if (done < text.size()) pieces.push_back({std::nullopt, done, text.size()});
  return pieces;
}

}  // namespace saesweep::text
