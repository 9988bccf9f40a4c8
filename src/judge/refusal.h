#pragma once

#include <string>

#include "http/client.h"

namespace saesweep::judge {

//! Whether a status says that the same request may be answered later: 408, 425, 429, 5xx.
bool is_passing(int status);

//! Whether a refusal is of the request itself (400, 413, 422), not of the address or the key.
bool is_of_request(int status);

//! Why a server refuses a request, and what to do about it.
std::string describe_refusal(const http::Outcome& outcome, const std::string& api_key_env);

}  // namespace saesweep::judge
