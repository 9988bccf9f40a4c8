#pragma once

#include <optional>
#include <string>

namespace saesweep::http {

//! Whether text is the address of a web server: http or https, with a host.
bool is_url(const std::string& text);

//! The URL without user name and password, for messages.
std::string without_credentials(const std::string& url);

//! Seconds that a Retry-After header (RFC 9110, 10.2.3: seconds or a date) asks for, at least 0; now: seconds since
//! 1970. Nothing where it says neither.
std::optional<double> retry_after_seconds(const std::string& header, double now);

}  // namespace saesweep::http
