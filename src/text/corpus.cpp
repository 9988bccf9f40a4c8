#include "text/corpus.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <set>

#include "base/errors.h"
#include "text/documents.h"
#include "text/path_list.h"
#include "text/token_store.h"

namespace saesweep::text {

namespace {

void require_apart(const std::vector<std::filesystem::path>& train, const std::vector<std::filesystem::path>& held_out,
                   const std::string& place) {
  std::set<std::string> trained;
  for (const auto& path : train) trained.insert(identity(path));
  for (const auto& path : held_out) {
    if (!trained.contains(identity(path))) continue;
    throw TextError(place,
                    fmt::format("{} is in train too; put it in `exclude`, which takes it out of train", path.string()));
  }
}

void require_lone_store(const std::vector<std::filesystem::path>& files, const std::string& place) {
  for (const auto& path : files) {
    if (files.size() == 1 || kind_of(path) != FileKind::kStore) continue;
    throw TextError(place, fmt::format("{} is a token store; give it alone, not beside other files", path.string()));
  }
}

//! The digests of all documents of some files, in order.
void for_each_digest(const std::vector<std::filesystem::path>& files, const ReadOptions& options,
                     const std::function<void(const Digest&)>& visit) {
  if (files.size() == 1 && kind_of(files.front()) == FileKind::kStore) {
    const TokenStore store = TokenStore::open(files.front());
    for (const DocumentRecord& document : store.documents()) visit(document.digest);
    return;
  }
  Sha256 hash;
  const DocumentSink sink{[&](std::string_view text) { hash.update(text); },
                          [&](std::span<const uint16_t> row) { hash.update(std::as_bytes(row)); },
                          [&] {
                            visit(hash.finish());
                            hash = Sha256();
                          }};
  for (const auto& part : parts_of(files, options)) read_documents(part, options, sink);
}

//! One side as it is read.
struct SideCount {
  TextHash hash;
  uint64_t n_documents = 0;

  void add(const Digest& document) {
    hash.add(document);
    ++n_documents;
  }
  SplitSummary summary() { return {hash.finish(), n_documents}; }
};

}  // namespace

Corpus::Corpus(const TextOptions& options)
    : train_(without(expand_paths(options.train, options.train_place), options.exclude, options.exclude_place)),
      held_out_(expand_paths(options.held_out, options.held_out_place)),
      held_out_fraction_(options.held_out_fraction),
      train_place_(options.train_place),
      held_out_place_(options.held_out_place) {
  if (train_.empty()) throw TextError(train_place_, "no file is left to train on; give more, or exclude fewer");
  require_apart(train_, held_out_, held_out_place_);
  require_lone_store(train_, train_place_);
  require_lone_store(held_out_, held_out_place_);
}

const std::vector<std::filesystem::path>& Corpus::files(Split split) const {
  return split == Split::kHeldOut && !held_out_.empty() ? held_out_ : train_;
}

bool Corpus::is_in(Split split, const Digest& document) const {
  return has_held_out_files() || is_held_out(document, held_out_fraction_) == (split == Split::kHeldOut);
}

bool is_held_out(const Digest& document, double fraction) {
  return std::ldexp(static_cast<double>(leading_number(document)), -64) < fraction;
}

TextSummary summarize(const Corpus& corpus, const ReadOptions& options) {
  SideCount train, held_out;
  for_each_digest(corpus.files(Split::kTrain), options, [&](const Digest& document) {
    (corpus.is_in(Split::kTrain, document) ? train : held_out).add(document);
  });
  if (corpus.has_held_out_files()) {
    for_each_digest(corpus.files(Split::kHeldOut), options, [&](const Digest& document) { held_out.add(document); });
  }
  return {train.summary(), held_out.summary()};
}

}  // namespace saesweep::text
