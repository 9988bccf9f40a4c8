#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "text/documents.h"
#include "text/options.h"

namespace saesweep::text {

//! The side of the text a document is on.
enum class Split { kTrain, kHeldOut };

//! The files of a sweep's text and the rule that parts their documents.
//!
//! With `held_out` files, those are held out and no file may be in both lists. Without, a document of the training
//! files is held out when the first 8 bytes of the SHA-256 of its text, as a number over 2^64, are below
//! held_out_fraction: exact copies fall on one side.
class Corpus {
 public:
  //! Lists the files; reads none of them. Throws TextError where a path names nothing, no file is left to train on,
  //! or a file is both trained on and held out.
  explicit Corpus(const TextOptions& options);

  //! Absolute paths, sorted: all that this side's documents come from.
  const std::vector<std::filesystem::path>& files(Split split) const;

  //! Calls visit for each document of a side, in the order of the files. Throws TextError (for_each_document).
  void for_each(Split split, const DocumentVisitor& visit) const;

 private:
  bool is_in(Split split, std::string_view text) const;

  std::vector<std::filesystem::path> train_;
  std::vector<std::filesystem::path> held_out_;
  double held_out_fraction_;
};

//! The hash that names a text: SHA-256 over the SHA-256 of each of its documents, in order.
class TextHash {
 public:
  void add(const Digest& document) { hash_.update(std::as_bytes(std::span(document))); }
  //! Hex; no add may follow.
  std::string finish() { return hex(hash_.finish()); }

 private:
  Sha256 hash_;
};

//! One side of a text, without its tokens.
struct SplitSummary {
  //! Hex TextHash, as in the token store made of it.
  std::string hash;
  uint64_t n_documents = 0;
  uint64_t n_bytes = 0;
};

struct TextSummary {
  SplitSummary train;
  SplitSummary held_out;
};

//! Reads (and checks) the text of both sides without tokenizing it. Throws TextError.
TextSummary summarize(const Corpus& corpus);

}  // namespace saesweep::text
