#include "text/stream_encoder.h"

#include <utility>
#include <vector>

namespace saesweep::text {

StreamEncoder::StreamEncoder(const Tokenizer& tokenizer, IdSink sink, size_t piece_bytes)
    : tokenizer_(&tokenizer), sink_(std::move(sink)), piece_bytes_(piece_bytes) {}

void StreamEncoder::add(std::string_view text) {
  held_ += text;
  if (held_.size() < piece_bytes_) return;
  const size_t cut = tokenizer_->last_cut(held_);
  if (cut == 0) return;
  encode(std::string_view(held_).substr(0, cut));
  held_.erase(0, cut);
}

void StreamEncoder::end() {
  if (!held_.empty()) encode(held_);
  held_.clear();
}

void StreamEncoder::encode(std::string_view text) {
  const std::vector<uint32_t> ids = tokenizer_->encode(text);
  sink_(ids);
}

}  // namespace saesweep::text
