#include "text/line_reader.h"

#include <span>
#include <utility>

namespace saesweep::text {

namespace {

constexpr size_t kReadBytes = 1 << 18;

}  // namespace

LineReader::LineReader(ByteSource source, uint64_t offset) : source_(std::move(source)), next_offset_(offset) {}

std::optional<std::string_view> LineReader::next() {
  size_t searched = 0;
  size_t end = buffer_.find('\n', begin_);
  while (end == std::string::npos && !at_end_) {
    searched = buffer_.size() - begin_;
    fill();
    end = buffer_.find('\n', begin_ + searched);
  }
  if (end == std::string::npos && begin_ == buffer_.size()) return std::nullopt;
  const size_t stop = end == std::string::npos ? buffer_.size() : end;
  std::string_view line = std::string_view(buffer_).substr(begin_, stop - begin_);
  offset_ = next_offset_;
  ++number_;
  const size_t next = end == std::string::npos ? stop : stop + 1;
  next_offset_ += next - begin_;
  begin_ = next;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool LineReader::fill() {
  buffer_.erase(0, std::exchange(begin_, 0));
  const size_t kept = buffer_.size();
  buffer_.resize(kept + kReadBytes);
  const size_t n = source_.read(std::span(buffer_).subspan(kept));
  buffer_.resize(kept + n);
  at_end_ = n < kReadBytes;
  return n > 0;
}

}  // namespace saesweep::text
