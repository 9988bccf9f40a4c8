#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "text/documents.h"
#include "text/store_format.h"
#include "text/tokenizer.h"

namespace saesweep::text {

//! What a part of the text came to.
struct PartCounts {
  uint64_t n_tokens = 0;
  uint64_t n_documents = 0;
  BadLines bad;
};

//! Makes a token store out of parts that any number of processes tokenize: the same bytes however they share them.
//! Each process holds a StoreBuild of the same arguments; between the steps all wait for each other. On one process:
//! tokenize() each part, lay_out(), create(), place() each part, write_documents(), hash() each block, commit().
//! All throw TextError for bad text, StoppedError on a full disk, OutputError where the folder cannot be written.
class StoreBuild {
 public:
  //! folder: an existing one for what is not finished, on the file system of the store.
  StoreBuild(std::filesystem::path folder, Tokenizer tokenizer, ReadOptions options, std::vector<TextPart> parts);

  size_t n_parts() const { return parts_.size(); }
  const TextPart& part(size_t number) const { return parts_[number]; }

  //! Any process: writes the part's ids and documents to files of the folder.
  PartCounts tokenize(size_t number) const;
  //! Every process: counts of all parts, in order.
  void lay_out(std::span<const PartCounts> counts);
  //! One process: the unfinished store, at its full size.
  void create() const;
  //! Any process: copies a part's ids to their place, and removes their file.
  void place(size_t number) const;
  //! One process: the documents of all parts; gives the hex hash of the text.
  std::string write_documents() const;
  uint64_t n_blocks() const { return layout_.n_blocks(); }
  //! Any process, once all is placed and written.
  Digest hash(uint64_t block) const;
  //! One process: ends the store, flushes it and renames it to path.
  void commit(const std::filesystem::path& path, const std::string& text_hash,
              std::span<const Digest> block_hashes) const;

 private:
  std::filesystem::path ids_file(size_t number) const;
  std::filesystem::path documents_file(size_t number) const;
  std::filesystem::path unfinished() const { return folder_ / "store"; }

  std::filesystem::path folder_;
  Tokenizer tokenizer_;
  ReadOptions options_;
  std::vector<TextPart> parts_;
  StoreLayout layout_;
  uint64_t n_bad_lines_ = 0;
  std::vector<PartCounts> counts_;
  //! Tokens before each part.
  std::vector<uint64_t> first_tokens_;
};

//! Makes a store in one process. Throws as StoreBuild.
void make_store(const std::filesystem::path& path, const std::vector<std::filesystem::path>& files,
                const Tokenizer& tokenizer, const ReadOptions& options = {});

//! An empty folder beside path for a StoreBuild, on its file system. Throws OutputError.
std::filesystem::path make_build_folder(const std::filesystem::path& path);

}  // namespace saesweep::text
