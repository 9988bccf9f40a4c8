#include "text/token_store.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstring>

#include "base/errors.h"
#include "text/store_format.h"

namespace saesweep::text {

namespace {

template <typename T>
std::span<const T> view(std::span<const std::byte> bytes, uint64_t offset, uint64_t n) {
  return {reinterpret_cast<const T*>(bytes.data() + offset), n};
}

StoreHead read_head(std::span<const std::byte> bytes, const std::string& where) {
  StoreHead head;
  if (bytes.size() < sizeof head) throw TextError(where, fmt::format("is no token store: {} bytes", bytes.size()));
  std::memcpy(&head, bytes.data(), sizeof head);
  if (head.magic != kStoreMagic) throw TextError(where, "is no token store (of `saesweep tokenize`)");
  if (head.version != kStoreVersion) {
    throw TextError(where, fmt::format("is a token store of version {}, this program reads version {}; make it anew",
                                       head.version, kStoreVersion));
  }
  if (head.id_bytes != 2 && head.id_bytes != 4) {
    throw TextError(where, fmt::format("is damaged: {} bytes an id, not 2 or 4; make it anew", head.id_bytes));
  }
  return head;
}

bool sizes_agree(const StoreHead& head, const StoreTail& tail, uint64_t file_size) {
  if (tail.n_tokens > file_size || tail.n_documents > file_size) return false;
  return file_size == sizeof(StoreHead) + padded_id_bytes(tail.n_tokens, head.id_bytes) +
                          tail.n_documents * sizeof(DocumentRecord) + sizeof(StoreTail);
}

StoreTail read_tail(std::span<const std::byte> bytes, const StoreHead& head, const std::string& where) {
  StoreTail tail;
  const bool has_tail = bytes.size() >= sizeof head + sizeof tail;
  if (has_tail) std::memcpy(&tail, bytes.data() + bytes.size() - sizeof tail, sizeof tail);
  if (!has_tail || tail.magic != kStoreEndMagic || !sizes_agree(head, tail, bytes.size())) {
    throw TextError(where,
                    fmt::format("is cut short or damaged: {} bytes without a sound end; make it anew", bytes.size()));
  }
  const size_t checked = bytes.size() - sizeof tail + offsetof(StoreTail, checksum);
  if (Sha256().update(bytes.first(checked)).finish() != tail.checksum) {
    throw TextError(where, "is damaged: its checksum does not match its bytes; make it anew");
  }
  return tail;
}

}  // namespace

TokenStore TokenStore::open(const std::filesystem::path& path) {
  TokenStore store;
  try {
    store.file_ = MappedFile(path);
  } catch (const InputError& error) {
    throw TextError("token store", error.what());
  }
  const auto bytes = store.file_.bytes();
  const StoreHead head = read_head(bytes, path.string());
  const StoreTail tail = read_tail(bytes, head, path.string());
  if (head.id_bytes == 2) {
    store.ids_ = view<uint16_t>(bytes, sizeof head, tail.n_tokens);
  } else {
    store.ids_ = view<uint32_t>(bytes, sizeof head, tail.n_tokens);
  }
  const uint64_t documents_at = sizeof head + padded_id_bytes(tail.n_tokens, head.id_bytes);
  store.documents_ = view<DocumentRecord>(bytes, documents_at, tail.n_documents);
  store.text_hash_ = {tail.text_hash.begin(), tail.text_hash.end()};
  store.tokenizer_hash_ = {tail.tokenizer_hash.begin(), tail.tokenizer_hash.end()};
  return store;
}

uint64_t TokenStore::n_tokens() const {
  return std::visit([](auto ids) { return ids.size(); }, ids_);
}

uint32_t TokenStore::token(uint64_t index) const {
  return std::visit([index](auto ids) { return static_cast<uint32_t>(ids[index]); }, ids_);
}

std::span<const DocumentRecord> TokenStore::documents() const {
  return documents_;
}

const std::string& TokenStore::text_hash() const {
  return text_hash_;
}

const std::string& TokenStore::tokenizer_hash() const {
  return tokenizer_hash_;
}

}  // namespace saesweep::text
