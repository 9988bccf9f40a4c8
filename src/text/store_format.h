#pragma once

#include <array>
#include <cstdint>

#include "base/hash.h"
#include "text/token_store.h"

namespace saesweep::text {

//! A token store is: StoreHead; the ids, filled up with zero bytes to a multiple of 8; the DocumentRecords;
//! StoreTail. All numbers little-endian. What is known only at the end stands at the end, so that a store is written
//! in one go.
inline constexpr uint64_t kStoreMagic = 0x0a6b6f742d656173;     // "sae-tok\n"
inline constexpr uint64_t kStoreEndMagic = 0x0a646e652d6b6f74;  // "tok-end\n"
inline constexpr uint32_t kStoreVersion = 1;

struct StoreHead {
  uint64_t magic = kStoreMagic;
  uint32_t version = kStoreVersion;
  //! Bytes an id: 2 or 4.
  uint32_t id_bytes = 0;
};

struct StoreTail {
  uint64_t n_tokens = 0;
  uint64_t n_documents = 0;
  //! Hex.
  std::array<char, 64> text_hash{};
  std::array<char, 64> tokenizer_hash{};
  //! SHA-256 of all bytes of the file before it.
  Digest checksum{};
  uint64_t magic = kStoreEndMagic;
};

static_assert(sizeof(StoreHead) == 16 && sizeof(StoreTail) == 184 && sizeof(DocumentRecord) == 16);

//! Bytes that n_tokens ids take, filling included.
constexpr uint64_t padded_id_bytes(uint64_t n_tokens, uint32_t id_bytes) {
  return (n_tokens * id_bytes + 7) / 8 * 8;
}

}  // namespace saesweep::text
