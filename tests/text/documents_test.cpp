#include "text/documents.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "support/temporary_folder.h"

namespace saesweep::text {
namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

std::string gzip(const std::string& text) {
  z_stream stream{};
  constexpr int kGzip = 16;
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + kGzip, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 1));
  return packed;
}

class DocumentsTest : public testing::Test {
 protected:
  fs::path file(const std::string& name, const std::string& bytes) const {
    write_file(folder_.path() / name, bytes);
    return folder_.path() / name;
  }

  static Texts read(const FilePart& part, const ReadOptions& options = {}, BadLines* bad = nullptr) {
    Texts found;
    std::string text;
    const DocumentSink sink{[&](std::string_view piece) { text += piece; },
                            [&](std::span<const uint16_t> ids) {
                              for (const uint16_t id : ids) text += std::to_string(id) + " ";
                            },
                            [&] { found.push_back(std::exchange(text, "")); }};
    const BadLines result = read_documents(part, options, sink);
    if (bad != nullptr) *bad = result;
    return found;
  }

  static std::string refusal(const FilePart& part, const ReadOptions& options = {}) {
    try {
      read(part, options);
    } catch (const TextError& error) {
      return error.what();
    }
    return "accepted";
  }

  test::TemporaryFolder folder_;
};

const std::string kLines =
    "{\"text\": \"one\\nline\", \"meta\": {\"text\": \"inner\"}}\n\n{\"meta\": [{\"text\": 1}], "
    "\"text\": \"\\u00e9\\ud83d\\ude00\"}\r\n{\"text\": \"\"}";
const Texts kTexts = {"one\nline", "é😀", ""};

TEST_F(DocumentsTest, JsonLinesGiveTheirTextPackedOrNot) {
  EXPECT_EQ(read({file("a.jsonl", kLines)}), kTexts);
  EXPECT_EQ(read({file("a.jsonl.gz", gzip(kLines))}), kTexts);
  EXPECT_EQ(read({file("a.jsonl.zst", zstd(kLines))}), kTexts);
  EXPECT_EQ(read({file("a.json.gz", gzip(kLines))}), kTexts);
  EXPECT_EQ(read({file("A.JSONL.GZ", gzip(kLines))}), kTexts);
}

TEST_F(DocumentsTest, PackedFilesMayHoldSeveralMembersOrFrames) {
  const std::string first = kLines.substr(0, 30), rest = kLines.substr(30);
  EXPECT_EQ(read({file("a.jsonl.gz", gzip(first) + gzip(rest))}), kTexts);
  EXPECT_EQ(read({file("a.jsonl.zst", zstd(first) + zstd(rest))}), kTexts);
}

TEST_F(DocumentsTest, PlainTextIsOneDocumentPackedOrNot) {
  std::string text;
  while (text.size() < (5u << 20)) text += "Größe 漢字 " + std::to_string(text.size()) + "\n";
  EXPECT_EQ(read({file("a.txt", text)}), Texts{text});
  EXPECT_EQ(read({file("a.txt.gz", gzip(text))}), Texts{text});
  EXPECT_EQ(read({file("a.pod.zst", zstd(text))}), Texts{text});
}

TEST_F(DocumentsTest, DamagedOrShortPackedFilesAreRefused) {
  for (const auto& [name, packed] : {std::pair{"a.txt.gz", gzip(std::string(1000, 'x') + "y")},
                                     std::pair{"a.txt.zst", zstd(std::string(1000, 'x') + "y")}}) {
    EXPECT_NE(refusal({file(name, packed.substr(0, packed.size() - 3))}).find("cut short"), std::string::npos) << name;
    EXPECT_NE(refusal({file(name, "no packed file at all")}).find("no sound"), std::string::npos) << name;
    EXPECT_NE(refusal({file(name, "")}).find(name), std::string::npos) << name;
  }
}

TEST_F(DocumentsTest, PartsGiveEachLineOnceWhereverTheyAreCut) {
  const fs::path path = file("a.jsonl", kLines);
  for (uint64_t cut = 1; cut < kLines.size(); ++cut) {
    Texts texts = read({path, 0, cut});
    for (auto& text : read({path, cut, kLines.size()})) texts.push_back(text);
    EXPECT_EQ(texts, kTexts) << cut;
  }
}

TEST_F(DocumentsTest, LargeFilesOfLinesAndRowsArePartedAndOthersNot) {
  const fs::path lines = folder_.path() / "a.jsonl", rows = folder_.path() / "a.bin", text = folder_.path() / "a.txt";
  for (const auto& path : {lines, rows, text}) {
    write_file(path, "x");
    fs::resize_file(path, uint64_t{100} << 20);
  }
  fs::resize_file(rows, uint64_t{2049} * 2 * 20000);
  const auto parts = parts_of({lines, rows, text}, {});
  std::map<fs::path, uint64_t> next, n;
  for (const auto& part : parts) {
    EXPECT_EQ(part.begin, next[part.path]);
    EXPECT_TRUE(part.path != rows || part.begin % 4098 == 0);
    next[part.path] = part.end;
    ++n[part.path];
  }
  EXPECT_EQ(n[lines], 4u);
  EXPECT_EQ(n[rows], 3u);
  EXPECT_EQ(n[text], 1u);
  EXPECT_EQ(next[lines], uint64_t{100} << 20);
}

TEST_F(DocumentsTest, SmallFilesAreGatheredInOrder) {
  std::vector<FilePart> parts;
  for (const uint64_t size : {1u, 2u, 3u, 1u, 5u, 2u}) {
    const fs::path path = file(std::to_string(parts.size()) + ".txt", "x");
    fs::resize_file(path, size << 20);
    parts.push_back({path});
  }
  std::vector<std::string> found;
  for (const TextPart& part : gathered(parts)) {
    std::string names;
    for (const FilePart& one : part) names += one.path.stem().string();
    found.push_back(names);
  }
  EXPECT_EQ(found, (std::vector<std::string>{"01", "23", "4", "5"}));
}

TEST_F(DocumentsTest, AnEmptyFileIsAPartAsAnyOther) {
  const std::vector<TextPart> parts = gathered({{file("empty.txt", "")}, {file("a.txt", "x")}});
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_NE(refusal(parts[0][0]).find("is empty"), std::string::npos);
}

TEST_F(DocumentsTest, TheTextKeyIsSettable) {
  const fs::path path = file("a.jsonl", "{\"content\": \"x\", \"text\": \"y\"}");
  EXPECT_EQ(read({path}, {.text_key = "content"}), Texts{"x"});
}

TEST_F(DocumentsTest, BadLinesAreErrorsWithFileAndLineOrSkippedAndCounted) {
  const std::string good = "{\"text\": \"good\"}\n";
  for (const auto& [line, fault] :
       {std::pair{"{\"text\": \"cut", "is not JSON"}, std::pair{"{\"title\": \"x\"}", "has no \"text\""},
        std::pair{"{\"text\": 5}", "\"text\" is a number"}, std::pair{"{\"text\": null}", "\"text\" is null"},
        std::pair{"[\"text\"]", "is no JSON object"}, std::pair{"{\"text\": \"\xff\"}", "is not JSON"},
        std::pair{"{\"text\": \"\\ud800\"}", "is not JSON"}, std::pair{"{\"text\": \"a\"} b", "is not JSON"},
        std::pair{"{\"text\": {\"text\": \"a\"}}", "\"text\" is an object"}}) {
    const fs::path path = file("a.jsonl", fmt::format("{}\n{}\n{}", good, line, good));
    const std::string message = refusal({path});
    EXPECT_NE(message.find("a.jsonl:3: " + std::string(fault)), std::string::npos) << message;
    EXPECT_NE(message.find("on_bad_line"), std::string::npos) << message;
    BadLines bad;
    EXPECT_EQ(read({path}, {.skip_bad_lines = true}, &bad), (Texts{"good", "good"})) << line;
    EXPECT_EQ(bad.n, 1u);
    EXPECT_NE(bad.first.find(":3: "), std::string::npos) << bad.first;
    const uint64_t size = fs::file_size(path);
    EXPECT_NE(refusal({path, 17, size}).find("a.jsonl:3: "), std::string::npos) << refusal({path, 17, size});
  }
}

TEST_F(DocumentsTest, RowsOfIdsAreRead) {
  EXPECT_EQ(read({file("a.bin", std::string("\1\0\2\0\3\1\4\0", 8))}, {.bin_row_tokens = 2}),
            (Texts{"1 2 ", "259 4 "}));
  EXPECT_NE(refusal({file("a.bin", "123")}, {.bin_row_tokens = 2}).find("multiple of 4"), std::string::npos);
}

TEST_F(DocumentsTest, ParquetIsRefusedWithTheWayOut) {
  EXPECT_NE(refusal({file("a.parquet", "PAR1")}).find("parquet_to_jsonl.py"), std::string::npos);
}

}  // namespace
}  // namespace saesweep::text
