#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/hash.h"
#include "text/token_store.h"

namespace saesweep::text {

//! A token store is: StoreHead; the ids, filled up with zero bytes to a multiple of 8; the DocumentRecords; the
//! SHA-256 of each block of kStoreBlockBytes of all before; StoreTail. All numbers little-endian.
inline constexpr uint64_t kStoreMagic = 0x0a6b6f742d656173;     // "sae-tok\n"
inline constexpr uint64_t kStoreEndMagic = 0x0a646e652d6b6f74;  // "tok-end\n"
inline constexpr uint32_t kStoreVersion = 2;
inline constexpr uint64_t kStoreBlockBytes = 16 << 20;

struct StoreHead {
  uint64_t magic = kStoreMagic;
  uint32_t version = kStoreVersion;
  //! Bytes an id: 2 or 4.
  uint32_t id_bytes = 0;
};

struct StoreTail {
  uint64_t n_tokens = 0;
  uint64_t n_documents = 0;
  uint64_t n_bad_lines = 0;
  //! Hex.
  std::array<char, 64> text_hash{};
  std::array<char, 64> tokenizer_hash{};
  //! SHA-256 of the head, the block hashes and the tail before it.
  Digest checksum{};
  uint64_t magic = kStoreEndMagic;
};

static_assert(sizeof(StoreHead) == 16 && sizeof(StoreTail) == 192 && sizeof(DocumentRecord) == 48);

//! Where the parts of a store begin, from its counts.
struct StoreLayout {
  uint64_t n_tokens = 0;
  uint64_t n_documents = 0;
  uint32_t id_bytes = 0;

  uint64_t ids_at() const { return sizeof(StoreHead); }
  uint64_t documents_at() const { return ids_at() + (n_tokens * id_bytes + 7) / 8 * 8; }
  uint64_t hashes_at() const { return documents_at() + n_documents * sizeof(DocumentRecord); }
  uint64_t n_blocks() const { return (hashes_at() + kStoreBlockBytes - 1) / kStoreBlockBytes; }
  uint64_t tail_at() const { return hashes_at() + n_blocks() * sizeof(Digest); }
  uint64_t file_bytes() const { return tail_at() + sizeof(StoreTail); }
};

//! SHA-256 of a block of an open store file of this layout. Throws SystemError where reading fails.
Digest hash_block(int descriptor, const StoreLayout& layout, uint64_t block);

//! What StoreTail::checksum is to be.
Digest tail_checksum(const StoreHead& head, std::span<const Digest> block_hashes, const StoreTail& tail);

}  // namespace saesweep::text
