#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/byte_source.h"

namespace saesweep::text {

//! Lines of a source, without their ends; memory is that of the longest line. Move-only.
class LineReader {
 public:
  //! offset: of the source's first byte in its (unpacked) file.
  LineReader(ByteSource source, uint64_t offset);

  //! The next line, valid until the next call, or nothing at the end.
  std::optional<std::string_view> next();

  //! Byte offset in the file, and number in the source (from 1), of the line that next() gave.
  uint64_t offset() const { return offset_; }
  uint64_t number() const { return number_; }

 private:
  bool fill();

  ByteSource source_;
  std::string buffer_;
  size_t begin_ = 0;
  uint64_t offset_ = 0;
  uint64_t next_offset_;
  uint64_t number_ = 0;
  bool at_end_ = false;
};

}  // namespace saesweep::text
