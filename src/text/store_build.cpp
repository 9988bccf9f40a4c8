#include "text/store_build.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/errors.h"
#include "base/files.h"
#include "text/byte_source.h"
#include "text/corpus.h"
#include "text/stream_encoder.h"

namespace saesweep::text {

namespace fs = std::filesystem;

namespace {

constexpr size_t kBufferBytes = 1 << 20;

//! A file of the build, written in order or at places.
class OutFile {
 public:
  OutFile(const fs::path& path, int flags)
      : path_(path), descriptor_(::open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0644)) {
    if (descriptor_ < 0) fail_writing(path_, "cannot be written");
  }
  ~OutFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OutFile(const OutFile&) = delete;
  OutFile& operator=(const OutFile&) = delete;

  void write_at(uint64_t place, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(place));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail_writing(path_, "writing failed");
      place += static_cast<uint64_t>(written);
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
  }

  void resize(uint64_t size) {
    // Now, so that a full disk is known before the work is done; where the file system cannot, it is found later.
    const int failed = ::posix_fallocate(descriptor_, 0, static_cast<off_t>(size));
    if (failed == ENOSPC || failed == EDQUOT) {
      errno = failed;
      fail_writing(path_, "writing failed");
    }
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) fail_writing(path_, "writing failed");
  }

  void flush() {
    if (::fsync(descriptor_) != 0) fail_writing(path_, "flushing failed");
  }

  //! Network file systems tell of failed writes only here.
  void close() {
    if (::close(std::exchange(descriptor_, -1)) != 0) fail_writing(path_, "writing failed");
  }

 private:
  fs::path path_;
  int descriptor_;
};

//! Gathers values and writes them to a file from `place` on in large pieces.
template <typename T>
class BufferedValues {
 public:
  BufferedValues(OutFile& file, uint64_t place) : file_(&file), place_(place) {}

  void add(const T& value) {
    held_.push_back(value);
    if (held_.size() * sizeof(T) >= kBufferBytes) flush();
  }
  void flush() {
    const auto bytes = std::as_bytes(std::span(held_));
    file_->write_at(place_, bytes);
    place_ += bytes.size();
    held_.clear();
  }

 private:
  OutFile* file_;
  uint64_t place_;
  std::vector<T> held_;
};

//! Tokenizes the documents of a part. Id: as they are stored.
template <typename Id>
class PartTokenizer {
 public:
  PartTokenizer(const TextPart& part, const Tokenizer& tokenizer, const fs::path& ids, const fs::path& documents)
      : part_(part),
        tokenizer_(tokenizer),
        end_of_text_(tokenizer.end_of_text()),
        n_ids_(tokenizer.vocab_size()),
        ids_file_(ids, O_CREAT | O_TRUNC),
        documents_file_(documents, O_CREAT | O_TRUNC),
        ids_(ids_file_, 0),
        documents_(documents_file_, 0),
        encoder_(tokenizer, [this](std::span<const uint32_t> found) { add(found); }) {}

  PartCounts run(const ReadOptions& options) {
    const DocumentSink sink{[this](std::string_view text) { take_text(text); },
                            [this](std::span<const uint16_t> row) { take_row(row); }, [this] { end(); }};
    for (const FilePart& part : part_) {
      file_ = &part;
      n_rows_ = 0;
      const BadLines bad = read_documents(part, options, sink);
      if (counts_.bad.n == 0) counts_.bad.first = bad.first;
      counts_.bad.n += bad.n;
    }
    ids_.flush();
    documents_.flush();
    ids_file_.close();
    documents_file_.close();
    return counts_;
  }

 private:
  void open() {
    if (hash_) return;
    hash_.emplace();
    document_.first_token = counts_.n_tokens;
  }

  void take_text(std::string_view text) {
    if (!hash_) {
      open();
      add(std::span(&end_of_text_, 1));
    }
    hash_->update(text);
    encoder_.add(text);
  }

  void take_row(std::span<const uint16_t> row) {
    open();
    hash_->update(std::as_bytes(row));
    for (const uint16_t id : row) {
      if (id < n_ids_) continue;
      throw TextError(file_->path.string(),
                      fmt::format("id {} in row {}, but the tokenizer's ids end at {}; it is another tokenizer's file, "
                                  "or [text] bin_row_tokens is wrong",
                                  id, n_rows_ + file_->begin / row.size_bytes(), n_ids_ - 1));
    }
    const std::vector<uint32_t> ids(row.begin(), row.end());
    add(ids);
    ++n_rows_;
  }

  void add(std::span<const uint32_t> ids) {
    for (const uint32_t id : ids) ids_.add(static_cast<Id>(id));
    counts_.n_tokens += ids.size();
  }

  void end() {
    encoder_.end();
    document_.digest = hash_->finish();
    hash_.reset();
    documents_.add(document_);
    ++counts_.n_documents;
  }

  const TextPart& part_;
  const FilePart* file_ = nullptr;
  uint64_t n_rows_ = 0;
  const Tokenizer& tokenizer_;
  uint32_t end_of_text_;
  uint32_t n_ids_;
  OutFile ids_file_, documents_file_;
  BufferedValues<Id> ids_;
  BufferedValues<DocumentRecord> documents_;
  StreamEncoder encoder_;
  std::optional<Sha256> hash_;
  DocumentRecord document_;
  PartCounts counts_;
};

std::array<char, 64> as_array(const std::string& hash) {
  std::array<char, 64> characters{};
  std::copy_n(hash.begin(), std::min(hash.size(), characters.size()), characters.begin());
  return characters;
}

uint32_t id_bytes_of(const Tokenizer& tokenizer) {
  return tokenizer.vocab_size() <= std::numeric_limits<uint16_t>::max() + 1u ? 2 : 4;
}

//! A part's file that came to less than was written: by another process's hand, or a file system that lost it.
void require_whole(uint64_t found, uint64_t expected, const fs::path& path) {
  if (found == expected) return;
  throw StoppedError(
      fmt::format("{}: ends early, {} bytes where {} were written; check the file system and start again",
                  path.string(), found, expected));
}

void discard(const fs::path& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

}  // namespace

StoreBuild::StoreBuild(fs::path folder, Tokenizer tokenizer, ReadOptions options, std::vector<TextPart> parts)
    : folder_(std::move(folder)),
      tokenizer_(std::move(tokenizer)),
      options_(std::move(options)),
      parts_(std::move(parts)) {}

fs::path StoreBuild::ids_file(size_t number) const {
  return folder_ / fmt::format("{:08}.ids", number);
}

fs::path StoreBuild::documents_file(size_t number) const {
  return folder_ / fmt::format("{:08}.documents", number);
}

PartCounts StoreBuild::tokenize(size_t number) const {
  const auto run = [&]<typename Id>(Id) {
    return PartTokenizer<Id>(parts_[number], tokenizer_, ids_file(number), documents_file(number)).run(options_);
  };
  return id_bytes_of(tokenizer_) == 2 ? run(uint16_t{}) : run(uint32_t{});
}

void StoreBuild::lay_out(std::span<const PartCounts> counts) {
  layout_ = {0, 0, id_bytes_of(tokenizer_)};
  n_bad_lines_ = 0;
  counts_.assign(counts.begin(), counts.end());
  first_tokens_.clear();
  for (const PartCounts& part : counts) {
    first_tokens_.push_back(layout_.n_tokens);
    layout_.n_tokens += part.n_tokens;
    layout_.n_documents += part.n_documents;
    n_bad_lines_ += part.bad.n;
  }
}

void StoreBuild::create() const {
  OutFile file(unfinished(), O_CREAT | O_TRUNC);
  file.resize(layout_.file_bytes());
  const StoreHead head{.id_bytes = layout_.id_bytes};
  file.write_at(0, std::as_bytes(std::span(&head, 1)));
}

void StoreBuild::place(size_t number) const {
  OutFile file(unfinished(), 0);
  ByteSource ids(ids_file(number));
  std::vector<char> buffer(kBufferBytes);
  uint64_t place = layout_.ids_at() + first_tokens_[number] * layout_.id_bytes;
  while (const size_t n = ids.read(buffer)) {
    file.write_at(place, std::as_bytes(std::span(buffer).first(n)));
    place += n;
  }
  require_whole(place - layout_.ids_at(), (first_tokens_[number] + counts_[number].n_tokens) * layout_.id_bytes,
                ids_file(number));
  file.close();
  discard(ids_file(number));
}

std::string StoreBuild::write_documents() const {
  OutFile file(unfinished(), 0);
  BufferedValues<DocumentRecord> records(file, layout_.documents_at());
  TextHash hash;
  //! How many documents stand before, by the first 8 bytes of their digest.
  std::unordered_map<uint64_t, uint64_t> n_before;
  std::vector<DocumentRecord> buffer(kBufferBytes / sizeof(DocumentRecord));
  const std::span bytes(reinterpret_cast<char*>(buffer.data()), buffer.size() * sizeof(DocumentRecord));
  for (size_t number = 0; number < parts_.size(); ++number) {
    ByteSource part(documents_file(number));
    uint64_t n_read = 0;
    while (const size_t n = part.read(bytes)) {
      n_read += n;
      for (DocumentRecord document : std::span(buffer).first(n / sizeof(DocumentRecord))) {
        const uint64_t before = n_before[leading_number(document.digest)]++;
        document.key =
            leading_number(Sha256().update(std::as_bytes(std::span(document.digest))).update(before).finish());
        document.first_token += first_tokens_[number];
        hash.add(document.digest);
        records.add(document);
      }
    }
    require_whole(n_read, counts_[number].n_documents * sizeof(DocumentRecord), documents_file(number));
  }
  records.flush();
  file.close();
  return hash.finish();
}

Digest StoreBuild::hash(uint64_t block) const {
  const int descriptor = ::open(unfinished().c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail_writing(unfinished(), "cannot be read back");
  const auto close = [](const int* open) { ::close(*open); };
  const std::unique_ptr<const int, decltype(close)> closer(&descriptor, close);
  return hash_block(descriptor, layout_, block);
}

void StoreBuild::commit(const fs::path& path, const std::string& text_hash,
                        std::span<const Digest> block_hashes) const {
  const StoreHead head{.id_bytes = layout_.id_bytes};
  StoreTail tail;
  tail.n_tokens = layout_.n_tokens;
  tail.n_documents = layout_.n_documents;
  tail.n_bad_lines = n_bad_lines_;
  tail.text_hash = as_array(text_hash);
  tail.tokenizer_hash = as_array(tokenizer_.hash());
  tail.checksum = tail_checksum(head, block_hashes, tail);
  {
    OutFile file(unfinished(), 0);
    file.write_at(layout_.hashes_at(), std::as_bytes(block_hashes));
    file.write_at(layout_.tail_at(), std::as_bytes(std::span(&tail, 1)));
    file.flush();
    file.close();
  }
  if (::rename(unfinished().c_str(), path.c_str()) != 0) fail_writing(path, "renaming into place failed");
}

fs::path make_build_folder(const fs::path& path) {
  const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code failed;
  fs::create_directories(parent, failed);
  std::string name = (parent / ("." + path.filename().string() + ".making.XXXXXX")).string();
  if (::mkdtemp(name.data()) == nullptr) fail_writing(parent, "cannot be written");
  ::chmod(name.c_str(), 0755);
  return name;
}

void make_store(const fs::path& path, const std::vector<fs::path>& files, const Tokenizer& tokenizer,
                const ReadOptions& options) {
  struct Folder {
    fs::path path;
    ~Folder() { discard(path); }
  };
  const Folder folder{make_build_folder(path)};
  StoreBuild build(folder.path, tokenizer, options, gathered(parts_of(files, options)));
  std::vector<PartCounts> counts;
  for (size_t part = 0; part < build.n_parts(); ++part) counts.push_back(build.tokenize(part));
  build.lay_out(counts);
  build.create();
  for (size_t part = 0; part < build.n_parts(); ++part) build.place(part);
  const std::string text_hash = build.write_documents();
  std::vector<Digest> hashes;
  for (uint64_t block = 0; block < build.n_blocks(); ++block) hashes.push_back(build.hash(block));
  build.commit(path, text_hash, hashes);
}

}  // namespace saesweep::text
