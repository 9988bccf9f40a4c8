#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/options.h"

namespace saesweep::text {

//! What a file holds, by its name; .gz and .zst may follow the first two.
enum class FileKind {
  //! Any other name: plain UTF-8 text, one document.
  kText,
  //! .jsonl, .ndjson, .json: a JSON object a line, one document each.
  kJsonLines,
  //! .bin: rows of little-endian uint16 token ids, one document each.
  kIdRows,
  //! .tokens: a token store.
  kStore
};

//! Throws TextError for Parquet files, which are converted first.
FileKind kind_of(const std::filesystem::path& path);

//! Bytes [begin, end) of a file; where it holds lines or rows, those that begin there. Packed files and plain text
//! are not parted.
struct FilePart {
  std::filesystem::path path;
  uint64_t begin = 0;
  uint64_t end = std::numeric_limits<uint64_t>::max();
};

//! The files in their order, large ones that can be parted in parts of some 32 MiB.
std::vector<FilePart> parts_of(const std::vector<std::filesystem::path>& files, const ReadOptions& options);

//! Neighbouring parts of files, tokenized together.
using TextPart = std::vector<FilePart>;

//! The parts of files gathered, in order, so that small files do not cost one by one: up to 4 MiB each.
std::vector<TextPart> gathered(const std::vector<FilePart>& parts);

//! Takes documents, each as pieces of text (whole UTF-8 sequences, some MB at most but for a JSON line's text) or a
//! row of ids, and then its end. Pieces are valid for the call only.
struct DocumentSink {
  std::function<void(std::string_view)> text;
  std::function<void(std::span<const uint16_t>)> ids;
  std::function<void()> end;
};

//! What was left out of a part.
struct BadLines {
  uint64_t n = 0;
  //! The first one's place and fault, "" where there is none.
  std::string first;
};

//! Reads the documents of a part, in order, in bounded memory. Blank lines are no documents. Throws TextError where
//! the file is missing, empty, damaged, or not UTF-8 (with byte offset and line), and for a bad line (with its
//! number) unless options say to skip it.
BadLines read_documents(const FilePart& part, const ReadOptions& options, const DocumentSink& sink);

}  // namespace saesweep::text
