#include "sweep/texts.h"

#include <functional>
#include <sstream>
#include <utility>

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
  const std::function<bool()>& is_stopped;

  StoreOrder order(const text::NeededStore& store) const {
    return {store.path, store.files, tokenizer, options.text.read, is_stopped};
  }

  void make(const text::NeededStore& store) const {
    make_store(
        order(store), [&] { return text::is_made(store, tokenizer.hash()); }, comm, progress);
  }

  //! A damaged store is made again in this job's turn, unless another job has done so meanwhile.
  void make_again(const text::NeededStore& store) const {
    const auto is_sound = [&] {
      try {
        text::TokenStore::open(store.path).verify();
        return true;
      } catch (const TextError&) {
        return false;
      }
    };
    make_store(order(store), is_sound, comm, progress);
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
    } catch (const Error& error) {
      if (store.is_given || error.exit_code() != ExitCode::kBadInput) throw;
      make_again(store);
    }
  }
};

}  // namespace

namespace {

//! The stores as the root sees the files; other ranks learn their paths and whose they are.
text::NeededStores agreed_stores(const mpi::Comm& comm, const std::function<text::NeededStores()>& find) {
  text::NeededStores stores;
  const std::string text = on_root(comm, [&] {
    stores = find();
    const auto encode = [](const text::NeededStore& store) {
      return store.path.string() + '\0' + (store.is_given ? "given" : "") + '\0';
    };
    return encode(stores.train) + (stores.held_out ? encode(*stores.held_out) : "");
  });
  if (comm.is_root()) return stores;
  std::istringstream fields(text);
  for (std::string path, given; std::getline(fields, path, '\0') && std::getline(fields, given, '\0');) {
    text::NeededStore store{path, {}, !given.empty()};
    if (stores.train.path.empty()) {
      stores.train = std::move(store);
    } else {
      stores.held_out = std::move(store);
    }
  }
  return stores;
}

}  // namespace

text::NeededStores stores_of(const SweepOptions& options, const text::Corpus& corpus,
                             const std::string& tokenizer_hash) {
  const auto& folder = options.text.store_dir;
  return text::needed_stores(corpus, options.text.read, tokenizer_hash,
                             folder.empty() ? options.output / "tokens" : std::filesystem::path(folder));
}

Texts::Texts(const SweepOptions& options, const ResolvedInputs& inputs, const mpi::Comm& comm,
             ProgressLine::Mode progress, const std::function<bool()>& is_stopped) {
  for (const auto& entry : inputs.models) {
    const auto& model = entry.second;
    const std::string& hash = model.tokenizer_hash;
    if (texts_.contains(hash)) continue;
    std::optional<text::Tokenizer> tokenizer;
    std::optional<text::Corpus> corpus;
    on_all(comm, [&](int64_t&) {
      tokenizer = text::Tokenizer::load(model.tokenizer);
      corpus.emplace(options.text);
    });
    const text::NeededStores stores = agreed_stores(comm, [&] { return stores_of(options, *corpus, hash); });
    const Maker maker{options, *tokenizer, comm, progress, is_stopped};
    maker.make_sound(stores.train);
    if (stores.held_out) maker.make_sound(*stores.held_out);
    on_all(comm,
           [&](int64_t&) { texts_.emplace(hash, text::TokenizedText(stores, *corpus, options.text.context_length)); });
  }
}

}  // namespace saesweep::sweep
