#include "judge/token_alignment.h"

#include <algorithm>
#include <string_view>

namespace saesweep::judge {

namespace {

using Aligned = std::optional<std::vector<ReplyToken>>;

Aligned cut_out(const std::vector<ToldToken>& tokens, size_t begin, size_t length) {
  std::vector<ReplyToken> cut;
  const size_t end = begin + length;
  size_t at = 0;
  for (const ToldToken& token : tokens) {
    const size_t next = at + token.text->size();
    const size_t from = std::max(at, begin);
    const size_t to = std::min(next, end);
    if (from < to) cut.push_back({token.text->substr(from - at, to - from), token.candidates});
    at = next;
  }
  return cut;
}

Aligned align_exact(const std::vector<ToldToken>& tokens, const std::string& text, bool is_last) {
  std::string all;
  for (const ToldToken& token : tokens) all += *token.text;
  const size_t begin = is_last ? all.rfind(text) : all.find(text);
  if (begin == std::string::npos) return std::nullopt;
  return cut_out(tokens, begin, text.size());
}

//! Walks through text; tokens without a text of their own wait for the next one that has. llama.cpp's Python server
//! leaves out the bytes of torn characters, so a token may have no text or lack some.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  bool is_at_end() const { return at_ == text_.size(); }

  //! Whether the token can stand here.
  bool take(const ToldToken& token) {
    if (!token.text || token.text->empty()) {
      waiting_.push_back(&token);
      return true;
    }
    if (!waiting_.empty()) {
      const size_t found = text_.find(*token.text, at_);
      if (found == std::string_view::npos) return false;
      give_gap(found);
    }
    skip_torn(*token.text);
    return take_here(token);
  }

  Aligned finish() {
    if (!waiting_.empty()) give_gap(text_.size());
    return is_at_end() ? Aligned(std::move(taken_)) : std::nullopt;
  }

  bool is_waiting() const { return !waiting_.empty(); }

 private:
  bool take_here(const ToldToken& token) {
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with(*token.text)) {
      put(rest.substr(0, token.text->size()), token);
    } else if (at_ > 0 && token.text->starts_with(rest)) {
      put(rest, token);
    } else {
      return at_ == 0;  // a mark before the text
    }
    return true;
  }

  //! Gives bytes of characters that are not ASCII, after which `next` stands, to the token before them.
  void skip_torn(const std::string& next) {
    size_t end = at_;
    while (end < text_.size() && !text_.substr(end).starts_with(next)) {
      if (static_cast<unsigned char>(text_[end]) < 0x80) return;
      ++end;
    }
    if (taken_.empty() || end == text_.size()) return;
    taken_.back().text += text_.substr(at_, end - at_);
    at_ = end;
  }

  void give_gap(size_t end) {
    for (const ToldToken* token : waiting_) put(text_.substr(at_, end - at_), *token);
    waiting_.clear();
  }

  void put(std::string_view text, const ToldToken& token) {
    if (!text.empty() || !token.candidates.empty()) taken_.push_back({std::string(text), token.candidates});
    at_ += text.size();
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<const ToldToken*> waiting_;
  std::vector<ReplyToken> taken_;
};

Aligned align_loosely(const std::vector<ToldToken>& tokens, const std::string& text) {
  Walk walk(text);
  for (const ToldToken& token : tokens) {
    if (walk.is_at_end()) break;
    if (walk.take(token)) continue;
    const bool is_generated = &token == &tokens.back() && walk.is_waiting();
    if (!is_generated) return std::nullopt;
  }
  return walk.finish();
}

}  // namespace

std::optional<std::vector<ReplyToken>> align_tokens(const std::vector<ToldToken>& tokens, const std::string& text,
                                                    bool is_last) {
  const auto is_known = [](const ToldToken& token) { return token.text.has_value(); };
  if (std::all_of(tokens.begin(), tokens.end(), is_known)) {
    if (Aligned aligned = align_exact(tokens, text, is_last)) return aligned;
  }
  return align_loosely(tokens, text);
}

}  // namespace saesweep::judge
