#pragma once

#include <string>
#include <string_view>

#include "judge/chat.h"

namespace saesweep::judge {

//! A reply as bytes to be stored: CBOR (RFC 8949), since tokens may be parts of characters, which JSON cannot hold,
//! compressed by Zstandard. Numbers come back as the same bits.
std::string to_bytes(const Reply& reply);

//! Throws std::runtime_error where the bytes are no reply.
Reply reply_of_bytes(std::string_view bytes);

}  // namespace saesweep::judge
