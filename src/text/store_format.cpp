#include "text/store_format.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "base/errors.h"

namespace saesweep::text {

Digest hash_block(int descriptor, const StoreLayout& layout, uint64_t block) {
  constexpr size_t kReadBytes = 1 << 20;
  std::vector<std::byte> buffer(kReadBytes);
  uint64_t at = block * kStoreBlockBytes;
  const uint64_t end = std::min(layout.hashes_at(), at + kStoreBlockBytes);
  Sha256 hash;
  while (at < end) {
    const ssize_t n =
        ::pread(descriptor, buffer.data(), std::min<uint64_t>(kReadBytes, end - at), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      throw SystemError(std::string("token store: reading failed: ") + (n < 0 ? std::strerror(errno) : "cut"));
    hash.update(std::span(buffer).first(static_cast<size_t>(n)));
    at += static_cast<uint64_t>(n);
  }
  return hash.finish();
}

Digest tail_checksum(const StoreHead& head, std::span<const Digest> block_hashes, const StoreTail& tail) {
  return Sha256()
      .update(std::as_bytes(std::span(&head, 1)))
      .update(std::as_bytes(block_hashes))
      .update(std::as_bytes(std::span(&tail, 1)).first(offsetof(StoreTail, checksum)))
      .finish();
}

}  // namespace saesweep::text
