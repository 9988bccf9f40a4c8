#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace saesweep::text {

//! Encodes a document that comes in pieces: the ids of the whole, in memory for some MB of it (more only where the
//! text has no place to cut it at, Tokenizer::last_cut).
class StreamEncoder {
 public:
  using IdSink = std::function<void(std::span<const uint32_t>)>;

  //! piece_bytes: the least that is encoded at a time, but for a document's end.
  StreamEncoder(const Tokenizer& tokenizer, IdSink sink, size_t piece_bytes = kPieceBytes);

  //! A piece of the document, whole UTF-8 sequences.
  void add(std::string_view text);
  //! The document ends; the next add opens another.
  void end();

 private:
  static constexpr size_t kPieceBytes = 1 << 20;

  void add_piece(std::string_view text);
  void encode(std::string_view text);

  const Tokenizer* tokenizer_;
  IdSink sink_;
  size_t piece_bytes_;
  std::string held_;
  //! Whether what is held was searched for a place to cut, and has none.
  bool is_searched_ = false;
};

}  // namespace saesweep::text
