#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "text/options.h"

namespace saesweep::text {

//! The side of the text a document is on.
enum class Split { kTrain, kHeldOut };

//! The files of a sweep's text and the rule that parts their documents.
//!
//! With `held_out` files, those are held out and no file may be in both lists. Without, a document of the training
//! files is held out by its digest (is_held_out), so that exact copies fall on one side.
class Corpus {
 public:
  //! Lists the files; reads none of them. Throws TextError where a path names nothing, no file is left to train on,
  //! a file is both trained on and held out, or a token store stands beside other files.
  explicit Corpus(const TextOptions& options);

  //! Absolute paths, sorted: all that this side's documents come from.
  const std::vector<std::filesystem::path>& files(Split split) const;
  //! Whether the held-out side has files of its own.
  bool has_held_out_files() const { return !held_out_.empty(); }
  //! Whether a document of files(split), by its digest, is on that side.
  bool is_in(Split split, const Digest& document) const;
  //! What messages call that side.
  const std::string& place_of(Split split) const { return split == Split::kTrain ? train_place_ : held_out_place_; }

 private:
  std::vector<std::filesystem::path> train_;
  std::vector<std::filesystem::path> held_out_;
  double held_out_fraction_;
  std::string train_place_, held_out_place_;
};

//! Whether the first 8 bytes of a document's SHA-256, as a number over 2^64, are below fraction.
bool is_held_out(const Digest& document, double fraction);

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
};

struct TextSummary {
  SplitSummary train;
  SplitSummary held_out;
};

//! Reads (and checks) the text of both sides without tokenizing it. Throws TextError.
TextSummary summarize(const Corpus& corpus, const ReadOptions& options);

}  // namespace saesweep::text
