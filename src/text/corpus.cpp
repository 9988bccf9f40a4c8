#include "text/corpus.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "base/errors.h"
#include "text/path_list.h"

namespace saesweep::text {

namespace {

constexpr const char* kTrainKey = "[text] train";
constexpr const char* kHeldOutKey = "[text] held_out";
constexpr const char* kExcludeKey = "[text] exclude";

void require_apart(const std::vector<std::filesystem::path>& train,
                   const std::vector<std::filesystem::path>& held_out) {
  std::set<std::string> trained;
  for (const auto& path : train) trained.insert(identity(path));
  for (const auto& path : held_out) {
    if (!trained.contains(identity(path))) continue;
    throw TextError(kHeldOutKey,
                    fmt::format("{} is in train too; put it in `exclude`, which takes it out of train", path.string()));
  }
}

SplitSummary summarize_split(const Corpus& corpus, Split split) {
  SplitSummary summary;
  TextHash hash;
  corpus.for_each(split, [&](std::string_view text) {
    hash.add(sha256(text));
    ++summary.n_documents;
    summary.n_bytes += text.size();
  });
  summary.hash = hash.finish();
  return summary;
}

}  // namespace

Corpus::Corpus(const TextOptions& options)
    : train_(without(expand_paths(options.train, kTrainKey), options.exclude, kExcludeKey)),
      held_out_(expand_paths(options.held_out, kHeldOutKey)),
      held_out_fraction_(options.held_out_fraction) {
  if (train_.empty()) throw TextError(kTrainKey, "no file is left to train on; give more, or exclude fewer");
  require_apart(train_, held_out_);
}

const std::vector<std::filesystem::path>& Corpus::files(Split split) const {
  return split == Split::kHeldOut && !held_out_.empty() ? held_out_ : train_;
}

bool Corpus::is_in(Split split, std::string_view text) const {
  if (!held_out_.empty()) return true;
  const bool is_held_out = std::ldexp(static_cast<double>(leading_number(sha256(text))), -64) < held_out_fraction_;
  return is_held_out == (split == Split::kHeldOut);
}

void Corpus::for_each(Split split, const DocumentVisitor& visit) const {
  for (const auto& path : files(split)) {
    for_each_document(path, [&](std::string_view text) {
      if (is_in(split, text)) visit(text);
    });
  }
}

TextSummary summarize(const Corpus& corpus) {
  return {summarize_split(corpus, Split::kTrain), summarize_split(corpus, Split::kHeldOut)};
}

}  // namespace saesweep::text
