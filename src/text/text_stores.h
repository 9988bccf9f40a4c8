#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "text/corpus.h"
#include "text/token_rows.h"
#include "text/token_store.h"

namespace saesweep::text {

//! A token store that a text needs.
struct NeededStore {
  std::filesystem::path path;
  //! What it is made of; none for one that the user gives.
  std::vector<std::filesystem::path> files;
  //! Whether it is the user's own.
  bool is_given = false;
};

//! The stores of a text: that of the files to train on and, where the held-out side has files of its own, theirs.
struct NeededStores {
  NeededStore train;
  std::optional<NeededStore> held_out;
};

//! Hash of the files' paths, sizes and times of change, in order. Throws TextError where one cannot be found.
std::string files_stamp(const std::vector<std::filesystem::path>& files);

//! Names stores of `folder` by their files (path, size, time of change), how these are read, and the tokenizer: a file
//! that changes leads to another store. Throws TextError where a file cannot be found.
NeededStores needed_stores(const Corpus& corpus, const ReadOptions& options, const std::string& tokenizer_hash,
                           const std::filesystem::path& folder);

//! Whether the store is there, whole as far as its size and end tell. Throws TextError where a given one is not, or
//! was made with another tokenizer.
bool is_made(const NeededStore& store, const std::string& tokenizer_hash);

//! A text, tokenized: its two sides cut into rows.
class TokenizedText {
 public:
  //! Opens stores that are made. Throws TextError as TokenStore::open, and where a side is shorter than one row.
  TokenizedText(const NeededStores& stores, const Corpus& corpus, int64_t context_length);

  //! Stores that hold the text: one, or two.
  const std::vector<std::unique_ptr<TokenStore>>& stores() const { return stores_; }
  const TokenRows& rows(Split split) const { return split == Split::kTrain ? *train_ : *held_out_; }
  const std::string& text_hash(Split split) const { return rows(split).stream().text_hash(); }
  //! JSON lines left out as bad, of both sides.
  uint64_t n_bad_lines() const;

 private:
  std::vector<std::unique_ptr<TokenStore>> stores_;
  std::optional<TokenRows> train_, held_out_;
};

}  // namespace saesweep::text
