#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/progress.h"
#include "mpi/comm.h"
#include "sweep/inputs.h"
#include "sweep/options.h"
#include "text/text_stores.h"

namespace saesweep::sweep {

//! The token stores of a sweep's text for one tokenizer. Throws TextError.
text::NeededStores stores_of(const SweepOptions& options, const text::Corpus& corpus,
                             const std::string& tokenizer_hash);

//! The sweep's text as each of its models' tokenizers cuts it.
class Texts {
 public:
  //! Makes the stores that are missing or damaged, checks the others (each rank its share of the bytes) and opens
  //! all. Collective. Throws alike on all ranks: TextError, StoppedError, OutputError.
  //! is_stopped is asked while stores are made: whether to end with StoppedError.
  Texts(const SweepOptions& options, const ResolvedInputs& inputs, const mpi::Comm& comm, ProgressLine::Mode progress,
        const std::function<bool()>& is_stopped);

  const text::TokenizedText& of(const std::string& tokenizer_hash) const { return texts_.at(tokenizer_hash); }
  //! Any tokenizer's: documents, and so their hashes, are the same for all.
  const text::TokenizedText& any() const { return texts_.begin()->second; }

 private:
  std::map<std::string, text::TokenizedText> texts_;
};

}  // namespace saesweep::sweep
