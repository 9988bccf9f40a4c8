#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace saesweep::judge {

//! Where requests go.
struct Address {
  //! Base address, without a slash at its end.
  std::string url;
  //! Sent as `Authorization: Bearer`; "": none. Written nowhere.
  std::string key;

  bool operator==(const Address&) const = default;
};

//! The address that a server's job has written: the first line is the base URL (http://node17:8000/v1), the second,
//! where there is one, its bearer token. Blank lines and lines that start with # are passed over. Nothing where the
//! file is not there, is empty, or names no URL (it may be half written).
std::optional<Address> read_endpoint_file(const std::filesystem::path& path);

//! url without slashes at its end.
std::string base_of(std::string url);

}  // namespace saesweep::judge
