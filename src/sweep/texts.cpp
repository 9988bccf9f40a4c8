#include "sweep/texts.h"

#include "base/errors.h"
#include "sweep/agreement.h"
#include "sweep/store_making.h"

namespace saesweep::sweep {

namespace {

//! What making a store needs to know.
struct Maker {
  const SweepOptions& options;
  const text::Tokenizer& tokenizer;
  const mpi::Comm& comm;
  ProgressLine::Mode progress;

  void make(const text::NeededStore& store) const {
    make_store(
        {store.path, store.files, tokenizer, options.text.read}, [&] { return text::is_made(store, tokenizer.hash()); },
        comm, progress);
  }

  void verify(const text::NeededStore& store) const {
    on_all(comm, [&](int64_t&) {
      text::TokenStore::open(store.path).verify(static_cast<uint64_t>(comm.rank()), static_cast<uint64_t>(comm.size()));
    });
  }

  void make_sound(const text::NeededStore& store) const {
    const bool there = on_root(comm, [&] { return text::is_made(store, tokenizer.hash()) ? "there" : ""; }) == "there";
    if (!there) return make(store);
    try {
      verify(store);
    } catch (const Error&) {
      if (store.is_given()) throw;
      on_root(comm, [&] {
        std::filesystem::remove(store.path);
        return "";
      });
      make(store);
    }
  }
};

}  // namespace

text::NeededStores stores_of(const SweepOptions& options, const text::Corpus& corpus,
                             const std::string& tokenizer_hash) {
  const auto& folder = options.text.store_dir;
  return text::needed_stores(corpus, options.text.read, tokenizer_hash,
                             folder.empty() ? options.output / "tokens" : std::filesystem::path(folder));
}

Texts::Texts(const SweepOptions& options, const ResolvedInputs& inputs, const mpi::Comm& comm,
             ProgressLine::Mode progress) {
  for (const auto& [given, model] : inputs.models) {
    const std::string& hash = model.tokenizer_hash;
    if (texts_.contains(hash)) continue;
    std::optional<text::Tokenizer> tokenizer;
    std::optional<text::Corpus> corpus;
    text::NeededStores stores;
    on_all(comm, [&](int64_t&) {
      tokenizer = text::Tokenizer::load(model.tokenizer);
      corpus.emplace(options.text);
      stores = stores_of(options, *corpus, hash);
    });
    const Maker maker{options, *tokenizer, comm, progress};
    maker.make_sound(stores.train);
    if (stores.held_out) maker.make_sound(*stores.held_out);
    on_all(comm,
           [&](int64_t&) { texts_.emplace(hash, text::TokenizedText(stores, *corpus, options.text.context_length)); });
  }
}

}  // namespace saesweep::sweep
