#include "text/stream_encoder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace saesweep::text {

StreamEncoder::StreamEncoder(const Tokenizer& tokenizer, IdSink sink, size_t piece_bytes)
    : tokenizer_(&tokenizer), sink_(std::move(sink)), piece_bytes_(piece_bytes) {}

void StreamEncoder::add(std::string_view text) {
  while (!text.empty()) {
    const size_t n = std::max<size_t>(1, whole_sequences(text.substr(0, kPieceBytes)));
    add_piece(text.substr(0, n));
    text.remove_prefix(n);
  }
}

void StreamEncoder::add_piece(std::string_view text) {
  // What is held has no place to cut, but for the end that the piece goes on from.
  const size_t searched = held_.empty() ? 0 : held_.size() - 1;
  held_ += text;
  if (held_.size() < piece_bytes_) return;
  const size_t cut = tokenizer_->last_cut(held_, is_searched_ ? searched : 0);
  is_searched_ = true;
  if (cut == 0) return;
  encode(std::string_view(held_).substr(0, cut));
  held_.erase(0, cut);
  is_searched_ = false;
}

void StreamEncoder::end() {
  if (!held_.empty()) encode(held_);
  held_.clear();
  is_searched_ = false;
}

void StreamEncoder::encode(std::string_view text) {
  const std::vector<uint32_t> ids = tokenizer_->encode(text);
  sink_(ids);
}

}  // namespace saesweep::text
