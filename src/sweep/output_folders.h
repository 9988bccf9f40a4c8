#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace saesweep::sweep {

//! Which part of a sweep's cells a job works on: number `index`, from 0, of `count`; all of them where count is 0.
struct Shard {
  int index = 0;
  int count = 0;

  bool is_whole() const { return count == 0; }
  //! "2/8"; "" for all.
  std::string text() const;
  bool operator==(const Shard&) const = default;
};

//! Reads "I/N", 0 <= I < N. Throws ConfigError saying what is allowed.
Shard parse_shard(const std::string& text);

//! Where the files of one job lie. A shard has a folder of its own for what only one job may write; token stores,
//! SAEs and harvests are the sweep's, since their names say what they hold.
class OutputFolders {
 public:
  OutputFolders(std::filesystem::path output, Shard shard);

  const std::filesystem::path& root() const { return root_; }
  //! OUTPUT, or OUTPUT/shards/I-of-N.
  const std::filesystem::path& own() const { return own_; }
  std::filesystem::path results() const { return own_ / "results.h5"; }
  std::filesystem::path logs() const { return own_ / "logs"; }
  std::filesystem::path checkpoints() const { return own_ / "checkpoints"; }
  std::filesystem::path judge() const { return own_ / "judge"; }

  //! The same division of another folder.
  OutputFolders moved_to(std::filesystem::path root) const { return {std::move(root), shard_}; }

  //! The own folders of other jobs on this output that are there: OUTPUT's, and those of other shards, of any number of
  //! shards; sorted.
  std::vector<std::filesystem::path> others() const;

 private:
  std::filesystem::path root_, own_;
  Shard shard_;
};

}  // namespace saesweep::sweep
