#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace saesweep::toy {

//! A matrix of embeddings, a row a token or word.
struct Embeddings {
  //! Of the checkpoint's folder or hub name, or of the file without its endings.
  std::string name = {};
  at::Tensor rows = {};  //!< float32 [tokens, d]
  //! Hex SHA-256 of the rows.
  std::string hash = {};
};

//! Reads the input embedding of a checkpoint (model/source.h says how it is named), or a file of GloVe's text form: a
//! line a word, the word and its numbers apart by spaces; .gz and .zst are unpacked. Throws TextError with file and
//! line for a line that has other numbers than the first, or none, or for a text file that is not there; ModelError for
//! a checkpoint without weights, or whose embedding is not finite.
Embeddings read_embeddings(const std::string& given);

}  // namespace saesweep::toy
