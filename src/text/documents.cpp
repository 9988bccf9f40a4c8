#include "text/documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "base/errors.h"
#include "base/utf8.h"
#include "text/byte_source.h"
#include "text/json_line.h"
#include "text/line_reader.h"

namespace saesweep::text {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kPartBytes = 32 << 20;
constexpr uint64_t kGatheredBytes = 4 << 20;
constexpr size_t kPieceBytes = 1 << 20;

static_assert(std::endian::native == std::endian::little, ".bin files and token stores are little-endian");

uint64_t size_of(const fs::path& path) {
  std::error_code failed;
  const uint64_t size = fs::file_size(path, failed);
  if (failed) throw TextError(path.string(), failed.message());
  return size;
}

[[noreturn]] void refuse_empty(const fs::path& path) {
  throw TextError(path.string(), "is empty; leave it out (of a sweep by [text] exclude)");
}

void read_text(const fs::path& path, const DocumentSink& sink) {
  ByteSource source(path);
  // One more than a small file holds, so that its end shows with its last byte.
  const size_t piece = is_packed(path) ? kPieceBytes : std::min<uint64_t>(kPieceBytes, size_of(path) + 1);
  std::string buffer(std::max<size_t>(piece, 8), '\0');
  TextPlace place;
  size_t kept = 0, n = 0;
  do {
    n = source.read(std::span(buffer).subspan(kept));
    const std::string_view found(buffer.data(), kept + n);
    if (found.empty() && place.offset == 0) refuse_empty(path);
    const size_t whole = n == 0 ? found.size() : whole_sequences(found);
    place = require_utf8(found.substr(0, whole), path.string(), place);
    if (whole > 0) sink.text(found.substr(0, whole));
    kept = found.size() - whole;
    std::copy_n(buffer.begin() + static_cast<ptrdiff_t>(whole), kept, buffer.begin());
  } while (n > 0);
  sink.end();
}

uint64_t lines_before(const fs::path& path, uint64_t offset) {
  ByteSource source(path);
  std::string buffer(kPieceBytes, '\0');
  uint64_t n_lines = 0;
  while (offset > 0) {
    const size_t n = source.read(std::span(buffer).first(std::min<uint64_t>(offset, buffer.size())));
    if (n == 0) break;
    n_lines += static_cast<uint64_t>(std::count(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(n), '\n'));
    offset -= n;
  }
  return n_lines;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

//! Lines that begin in the part: a part that begins within a line leaves that to the part before.
BadLines read_lines(const FilePart& part, const ReadOptions& options, const DocumentSink& sink) {
  BadLines bad;
  const uint64_t first = part.begin > 0 ? part.begin - 1 : 0;
  LineReader lines(ByteSource(part.path, first), first);
  bool any = false;
  if (part.begin > 0) any = lines.next().has_value();
  while (const auto line = lines.next()) {
    any = true;
    if (lines.offset() >= part.end) break;
    if (is_blank(*line)) continue;
    const JsonLine read = read_json_line(*line, options.text_key);
    if (read.text) {
      sink.text(*read.text);
      sink.end();
      continue;
    }
    if (bad.n++ == 0) {
      bad.first =
          fmt::format("{}:{}: {}", part.path.string(), lines.number() + lines_before(part.path, first), read.fault);
    }
    if (!options.skip_bad_lines) {
      throw TextError(bad.first,
                      "mend the line, or have bad lines skipped ([text] on_bad_line = \"skip\"; tokenize --on-bad-line "
                      "skip)");
    }
  }
  if (!any) refuse_empty(part.path);
  return bad;
}

void read_rows(const FilePart& part, const ReadOptions& options, const DocumentSink& sink) {
  std::vector<uint16_t> row(static_cast<size_t>(options.bin_row_tokens));
  const auto bytes = std::span(reinterpret_cast<char*>(row.data()), row.size() * sizeof(uint16_t));
  ByteSource source(part.path, part.begin);
  for (uint64_t at = part.begin; at < part.end && source.read(bytes) == bytes.size(); at += bytes.size()) {
    sink.ids(row);
    sink.end();
  }
}

void check_rows(const fs::path& path, const ReadOptions& options) {
  const uint64_t size = size_of(path), row_bytes = static_cast<uint64_t>(options.bin_row_tokens) * sizeof(uint16_t);
  if (size == 0) refuse_empty(path);
  if (size % row_bytes == 0) return;
  throw TextError(
      path.string(),
      fmt::format("{} bytes found, expected a multiple of {}: rows of [text] bin_row_tokens = {} uint16 ids", size,
                  row_bytes, options.bin_row_tokens));
}

}  // namespace

FileKind kind_of(const fs::path& path) {
  const fs::path name = is_packed(path) ? path.stem() : path;
  const std::string ending = lower_case(name.extension());
  if (ending == ".jsonl" || ending == ".ndjson" || ending == ".json") return FileKind::kJsonLines;
  if (ending == ".parquet") {
    throw TextError(path.string(), "is Parquet; convert it with scripts/parquet_to_jsonl.py");
  }
  if (is_packed(path)) return FileKind::kText;
  if (ending == ".bin") return FileKind::kIdRows;
  return ending == ".tokens" ? FileKind::kStore : FileKind::kText;
}

std::vector<FilePart> parts_of(const std::vector<fs::path>& files, const ReadOptions& options) {
  std::vector<FilePart> parts;
  for (const auto& path : files) {
    const FileKind kind = kind_of(path);
    uint64_t step = 0;
    if (kind == FileKind::kJsonLines && !is_packed(path)) step = kPartBytes;
    if (kind == FileKind::kIdRows) {
      check_rows(path, options);
      const uint64_t row_bytes = static_cast<uint64_t>(options.bin_row_tokens) * sizeof(uint16_t);
      step = std::max<uint64_t>(1, kPartBytes / row_bytes) * row_bytes;
    }
    const uint64_t size = step == 0 ? 0 : size_of(path);
    if (size <= step) {
      parts.push_back({path});
      continue;
    }
    for (uint64_t begin = 0; begin < size; begin += step) parts.push_back({path, begin, std::min(begin + step, size)});
  }
  return parts;
}

std::vector<TextPart> gathered(const std::vector<FilePart>& parts) {
  std::vector<TextPart> all;
  uint64_t n_bytes = 0;
  for (const FilePart& part : parts) {
    const uint64_t size = std::min(size_of(part.path), part.end) - part.begin;
    if (all.empty() || n_bytes + size > kGatheredBytes) {
      all.emplace_back();
      n_bytes = 0;
    }
    all.back().push_back(part);
    n_bytes += size;
  }
  return all;
}

BadLines read_documents(const FilePart& part, const ReadOptions& options, const DocumentSink& sink) {
  switch (kind_of(part.path)) {
    case FileKind::kText:
      read_text(part.path, sink);
      return {};
    case FileKind::kJsonLines:
      return read_lines(part, options, sink);
    case FileKind::kIdRows:
      check_rows(part.path, options);
      read_rows(part, options, sink);
      return {};
    case FileKind::kStore:
      break;
  }
  throw TextError(part.path.string(), "is a token store; give it alone, not beside files of text");
}

}  // namespace saesweep::text
