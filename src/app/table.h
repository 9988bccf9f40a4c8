#pragma once

#include <cstddef>
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

}  // namespace saesweep::app
