#include "text/store_writer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "text/store_format.h"

namespace saesweep::text {

namespace {

template <typename T>
std::span<const std::byte> bytes_of_value(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

std::array<char, 64> as_array(const std::string& hash) {
  std::array<char, 64> characters{};
  std::copy_n(hash.begin(), std::min(hash.size(), characters.size()), characters.begin());
  return characters;
}

}  // namespace

StoreWriter::StoreWriter(const std::filesystem::path& path, const Tokenizer& tokenizer)
    : file_(path),
      tokenizer_(tokenizer),
      end_of_text_(tokenizer.end_of_text()),
      id_bytes_(tokenizer.vocab_size() <= std::numeric_limits<uint16_t>::max() + 1u ? 2 : 4) {
  StoreHead head;
  head.id_bytes = id_bytes_;
  write(bytes_of_value(head));
}

void StoreWriter::write(std::span<const std::byte> bytes) {
  checksum_.update(bytes);
  file_.write(bytes);
}

template <typename Id>
void StoreWriter::write_ids(const std::vector<uint32_t>& ids) {
  std::vector<Id> stored;
  stored.reserve(ids.size() + 1);
  stored.push_back(static_cast<Id>(end_of_text_));
  for (const uint32_t id : ids) stored.push_back(static_cast<Id>(id));
  write(std::as_bytes(std::span(stored)));
  n_tokens_ += stored.size();
}

uint64_t StoreWriter::key_of(const Digest& text) {
  const uint64_t n_before = n_before_[leading_number(text)]++;
  return leading_number(Sha256().update(std::as_bytes(std::span(text))).update(n_before).finish());
}

void StoreWriter::add(std::string_view text) {
  const auto ids = tokenizer_.encode(text);
  const Digest digest = sha256(text);
  text_hash_.add(digest);
  documents_.push_back({key_of(digest), n_tokens_});
  if (id_bytes_ == 2) {
    write_ids<uint16_t>(ids);
  } else {
    write_ids<uint32_t>(ids);
  }
}

std::string StoreWriter::commit() {
  constexpr std::array<std::byte, 8> kZeros{};
  write(std::span(kZeros).first(padded_id_bytes(n_tokens_, id_bytes_) - n_tokens_ * id_bytes_));
  write(std::as_bytes(std::span(documents_)));
  const std::string text_hash = text_hash_.finish();
  StoreTail tail;
  tail.n_tokens = n_tokens_;
  tail.n_documents = documents_.size();
  tail.text_hash = as_array(text_hash);
  tail.tokenizer_hash = as_array(tokenizer_.hash());
  checksum_.update(bytes_of_value(tail).first(offsetof(StoreTail, checksum)));
  tail.checksum = checksum_.finish();
  file_.write(bytes_of_value(tail));
  file_.commit();
  return text_hash;
}

}  // namespace saesweep::text
