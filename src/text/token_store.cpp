#include "text/token_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

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

bool sizes_agree(const StoreLayout& layout, uint64_t file_size) {
  return layout.n_tokens <= file_size && layout.n_documents <= file_size && layout.file_bytes() == file_size;
}

StoreTail read_tail(std::span<const std::byte> bytes, const StoreHead& head, const std::string& where) {
  StoreTail tail;
  const bool has_tail = bytes.size() >= sizeof head + sizeof tail;
  if (has_tail) std::memcpy(&tail, bytes.data() + bytes.size() - sizeof tail, sizeof tail);
  const StoreLayout layout{tail.n_tokens, tail.n_documents, head.id_bytes};
  if (!has_tail || tail.magic != kStoreEndMagic || !sizes_agree(layout, bytes.size())) {
    throw TextError(where,
                    fmt::format("is cut short or damaged: {} bytes without a sound end; make it anew", bytes.size()));
  }
  if (tail_checksum(head, view<Digest>(bytes, layout.hashes_at(), layout.n_blocks()), tail) != tail.checksum) {
    throw TextError(where, "is damaged: the checksum of its end does not match; make it anew");
  }
  return tail;
}

class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path) : value_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (value_ < 0) throw TextError(path.string(), std::strerror(errno));
  }
  ~Descriptor() { ::close(value_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

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
  const StoreLayout layout{tail.n_tokens, tail.n_documents, head.id_bytes};
  if (head.id_bytes == 2) {
    store.ids_ = view<uint16_t>(bytes, layout.ids_at(), tail.n_tokens);
  } else {
    store.ids_ = view<uint32_t>(bytes, layout.ids_at(), tail.n_tokens);
  }
  store.documents_ = view<DocumentRecord>(bytes, layout.documents_at(), tail.n_documents);
  store.block_hashes_ = view<Digest>(bytes, layout.hashes_at(), layout.n_blocks());
  store.n_bad_lines_ = tail.n_bad_lines;
  store.text_hash_ = {tail.text_hash.begin(), tail.text_hash.end()};
  store.tokenizer_hash_ = {tail.tokenizer_hash.begin(), tail.tokenizer_hash.end()};
  return store;
}

// Through a descriptor: the pages of the mapping would all count as this process's memory.
void TokenStore::verify(uint64_t first, uint64_t step) const {
  const Descriptor file(path());
  const auto id_bytes = std::visit([](auto ids) { return static_cast<uint32_t>(sizeof(ids[0])); }, ids_);
  const StoreLayout layout{n_tokens(), documents_.size(), id_bytes};
  for (uint64_t block = first; block < layout.n_blocks(); block += step) {
    if (hash_block(file.get(), layout, block) == block_hashes_[block]) continue;
    throw TextError(path().string(), fmt::format("is damaged: bytes {} to {} do not match their checksum; make it anew",
                                                 block * kStoreBlockBytes, (block + 1) * kStoreBlockBytes - 1));
  }
}

uint64_t TokenStore::n_tokens() const {
  return std::visit([](auto ids) { return ids.size(); }, ids_);
}

uint32_t TokenStore::token(uint64_t index) const {
  return std::visit([index](auto ids) { return static_cast<uint32_t>(ids[index]); }, ids_);
}

void require_tokenizer(const TokenStore& store, const std::string& tokenizer_hash) {
  if (store.tokenizer_hash() == tokenizer_hash) return;
  throw TextError(store.path().string(),
                  fmt::format("was made with the tokenizer {}, expected the model's, {}; tokenize the text anew",
                              store.tokenizer_hash().substr(0, 16), tokenizer_hash.substr(0, 16)));
}

}  // namespace saesweep::text
