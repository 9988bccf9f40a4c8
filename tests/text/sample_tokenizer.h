#pragma once

#include <filesystem>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "base/utf8.h"

namespace saesweep::test {

//! The character of a byte in GPT-2's alphabet, by its own wording: printable Latin-1 is itself, the rest counts on
//! from U+0100.
inline std::string byte_character(int byte) {
  const auto is_printable = [](int b) {
    return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || (b >= 174 && b <= 255);
  };
  int code_point = byte;
  if (!is_printable(byte)) {
    code_point = 256;
    for (int b = 0; b < byte; ++b) code_point += is_printable(b) ? 0 : 1;
  }
  std::string character;
  append_utf8(static_cast<uint32_t>(code_point), character);
  return character;
}

//! A tokenizer.json: byte b is id b; then "he" 256, "ll" 257, "hell" 258, "hello" 259, " hello" 260; added
//! <|endoftext|> 261.
inline Json sample_tokenizer() {
  Json vocabulary = Json::object();
  for (int byte = 0; byte < 256; ++byte) vocabulary[byte_character(byte)] = byte;
  const std::string space = byte_character(' ');
  vocabulary["he"] = 256;
  vocabulary["ll"] = 257;
  vocabulary["hell"] = 258;
  vocabulary["hello"] = 259;
  vocabulary[space + "hello"] = 260;
  Json merges = Json::array({"h e", "l l", "he ll", "hell o", space + " hello"});
  Json end_of_text = {{"id", 261},       {"content", "<|endoftext|>"}, {"single_word", false}, {"lstrip", false},
                      {"rstrip", false}, {"normalized", false},        {"special", true}};
  return {{"version", "1.0"},
          {"added_tokens", Json::array({end_of_text})},
          {"normalizer", {{"type", "NFC"}}},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
          {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", merges}}}};
}

inline std::filesystem::path write_tokenizer(const std::filesystem::path& folder,
                                             const Json& json = sample_tokenizer()) {
  const auto path = folder / "tokenizer.json";
  write_file(path, json.dump());
  return path;
}

}  // namespace saesweep::test
