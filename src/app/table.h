#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace saesweep::app {

//! Lines of columns, as wide as they have to be, left-aligned, two spaces apart.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> heads);
  //! As many cells as heads.
  void add(std::vector<std::string> row);
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

//! "512 B", "41 MB", "1.5 GB" (powers of 1000).
std::string bytes_text(uint64_t bytes);

}  // namespace saesweep::app
