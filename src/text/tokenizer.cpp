#include "text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>

#include "base/errors.h"
#include "base/utf8.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/byte_alphabet.h"
#include "text/nfc.h"
#include "text/tokenizer_spec.h"
#include "text/white_space.h"
#include "text/word_splitter.h"

namespace saesweep::text {

namespace {

constexpr const char* kEndOfText = "<|endoftext|>";

//! What one thread needs to encode.
struct Scratch {
  MatchScratch match;
  BpeScratch bpe;
  std::string normalized;
  std::string prefixed;
};

//! Lends each call a scratch of its own, with the words that earlier calls met.
class ScratchPool {
 public:
  std::unique_ptr<Scratch> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<Scratch>();
    auto scratch = std::move(free_.back());
    free_.pop_back();
    return scratch;
  }
  void give_back(std::unique_ptr<Scratch> scratch) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(scratch));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> free_;
};

std::vector<AddedToken> tokens_of(const TokenizerSpec& spec, bool normalized) {
  std::vector<AddedToken> tokens;
  std::string scratch;
  for (AddedToken token : spec.added_tokens) {
    if (token.normalized != normalized) continue;
    if (normalized && spec.nfc) token.content = std::string(nfc(token.content, scratch));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

//! The bytes of every id; none where an id has no token.
std::vector<std::optional<std::string>> bytes_by_id(const TokenizerSpec& spec) {
  std::vector<std::optional<std::string>> bytes;
  const auto put = [&](uint32_t id, std::string text) {
    if (id >= bytes.size()) bytes.resize(static_cast<size_t>(id) + 1);
    bytes[id] = std::move(text);
  };
  for (const auto& [word, id] : spec.vocabulary) put(id, bytes_of(word).value_or(word));
  for (const AddedToken& token : spec.added_tokens) put(token.id, token.content);
  return bytes;
}

//! White space before which a text may be cut (Tokenizer::last_cut); none where an added token may span such a place.
std::string_view cutting_space(const TokenizerSpec& spec) {
  // Without the expression a text is one word; a prefix space would be added to a part that opens with a new line.
  const std::string_view space = spec.add_prefix_space ? " " : " \n";
  if (!spec.use_regex) return "";
  std::vector<AddedToken> tokens = tokens_of(spec, false);
  std::ranges::copy(tokens_of(spec, true), std::back_inserter(tokens));
  for (const AddedToken& token : tokens) {
    const std::string& content = token.content;
    if (token.rstrip) return "";
    for (size_t i = 1; i < content.size(); ++i) {
      if (space.find(content[i]) != std::string_view::npos && !ends_in_white_space(content.substr(0, i))) return "";
    }
  }
  return space;
}

std::optional<uint32_t> find_end_of_text(const TokenizerSpec& spec) {
  for (const AddedToken& token : spec.added_tokens) {
    if (token.content == kEndOfText) return token.id;
  }
  const auto found = spec.vocabulary.find(kEndOfText);
  return found == spec.vocabulary.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

struct Tokenizer::Tables {
  Tables(const TokenizerSpec& spec, std::string file)
      : path(std::move(file)),
        hash(spec.hash),
        use_nfc(spec.nfc),
        add_prefix_space(spec.add_prefix_space),
        use_regex(spec.use_regex),
        raw_tokens(tokens_of(spec, false)),
        normalized_tokens(tokens_of(spec, true)),
        bpe(spec.byte_ids, spec.unknown, spec.merges),
        bytes(bytes_by_id(spec)),
        end_of_text(find_end_of_text(spec)),
        cutting_space(text::cutting_space(spec)) {}

  void encode(std::string_view text, Scratch& scratch, std::vector<uint32_t>& out) const;
  void encode_normalized(std::string_view text, Scratch& scratch, std::vector<uint32_t>& out) const;
  void encode_words(std::string_view text, Scratch& scratch, std::vector<uint32_t>& out) const;

  std::string path;
  std::string hash;
  bool use_nfc;
  bool add_prefix_space;
  bool use_regex;
  AddedTokenCutter raw_tokens;
  AddedTokenCutter normalized_tokens;
  WordSplitter splitter;
  Bpe bpe;
  std::vector<std::optional<std::string>> bytes;
  std::optional<uint32_t> end_of_text;
  std::string_view cutting_space;
  mutable ScratchPool pool;
};

void Tokenizer::Tables::encode(std::string_view text, Scratch& scratch, std::vector<uint32_t>& out) const {
  for (const Piece& piece : raw_tokens.cut(text)) {
    const auto part = text.substr(piece.begin, piece.end - piece.begin);
    if (piece.id) {
      out.push_back(*piece.id);
    } else {
      encode_normalized(use_nfc ? nfc(part, scratch.normalized) : part, scratch, out);
    }
  }
}

void Tokenizer::Tables::encode_normalized(std::string_view text, Scratch& scratch, std::vector<uint32_t>& out) const {
  for (const Piece& piece : normalized_tokens.cut(text)) {
    if (piece.id) {
      out.push_back(*piece.id);
    } else {
      encode_words(text.substr(piece.begin, piece.end - piece.begin), scratch, out);
    }
  }
}

void Tokenizer::Tables::encode_words(std::string_view text, Scratch& scratch, std::vector<uint32_t>& out) const {
  if (add_prefix_space && text.front() != ' ') {
    scratch.prefixed.assign(1, ' ').append(text);
    text = scratch.prefixed;
  }
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = use_regex ? splitter.end_of_word(text, begin, scratch.match) : text.size();
    bpe.encode(text.substr(begin, end - begin), scratch.bpe, out);
    begin = end;
  }
}

Tokenizer Tokenizer::load(const std::filesystem::path& path) {
  return Tokenizer(std::make_shared<const Tables>(read_tokenizer(path), path.string()));
}

std::vector<uint32_t> Tokenizer::encode(std::string_view text) const {
  require_utf8(text, "text");
  std::vector<uint32_t> ids;
  ids.reserve(text.size() / 3 + 4);
  auto scratch = tables_->pool.take();
  tables_->encode(text, *scratch, ids);
  tables_->pool.give_back(std::move(scratch));
  return ids;
}

size_t Tokenizer::last_cut(std::string_view text, size_t from) const {
  size_t at = text.size();
  while (at > from + 1) {
    at = text.find_last_of(tables_->cutting_space, at - 1);
    if (at == std::string_view::npos || at <= from) return 0;
    if (!ends_in_white_space(text.substr(0, at))) return at;
  }
  return 0;
}

std::string Tokenizer::decode(std::span<const uint32_t> ids) const {
  std::string text;
  for (const uint32_t id : ids) {
    if (id >= tables_->bytes.size() || !tables_->bytes[id]) {
      throw TextError(tables_->path, fmt::format("has no token {}; its ids end at {}", id, vocab_size() - 1));
    }
    text += *tables_->bytes[id];
  }
  return text;
}

uint32_t Tokenizer::end_of_text() const {
  if (!tables_->end_of_text) {
    throw TextError(tables_->path, fmt::format("has no token {}, which opens each document", kEndOfText));
  }
  return *tables_->end_of_text;
}

uint32_t Tokenizer::vocab_size() const {
  return static_cast<uint32_t>(tables_->bytes.size());
}

const std::string& Tokenizer::hash() const {
  return tables_->hash;
}

}  // namespace saesweep::text
