#include "sweep/store_making.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

#include "base/errors.h"
#include "base/file_lock.h"
#include "base/files.h"
#include "base/json.h"
#include "mpi/work_queue.h"
#include "sweep/agreement.h"
#include "text/byte_source.h"
#include "text/store_build.h"
#include "text/text_stores.h"

namespace saesweep::sweep {

namespace {

namespace fs = std::filesystem;

//! Packed text is some three times as long.
constexpr double kUnpacked = 3.0;

//! A part of the text, and its bytes, packed text counted as unpacked.
struct Part {
  text::TextPart files;
  double bytes = 0;
};

double bytes_of(const text::FilePart& part) {
  const double size = static_cast<double>(std::min(fs::file_size(part.path), part.end) - part.begin);
  return text::is_packed(part.path) ? kUnpacked * size : size;
}

// The root alone looks at the files: what each rank sees of them may differ while they change.

//! Paths hold any byte but 0, so fields end with it.
std::string encode_parts(const std::vector<text::TextPart>& parts) {
  std::string text;
  for (size_t number = 0; number < parts.size(); ++number) {
    for (const text::FilePart& part : parts[number]) {
      text += fmt::format("{} {} {} {}", number, part.begin, part.end, bytes_of(part)) + '\0';
      text += part.path.string() + '\0';
    }
  }
  return text;
}

std::vector<Part> decode_parts(const std::string& text) {
  std::vector<Part> parts;
  size_t at = 0;
  const auto next_field = [&] {
    const size_t end = text.find('\0', at);
    std::string field = text.substr(at, end - at);
    at = end + 1;
    return field;
  };
  const auto n_fields = std::count(text.begin(), text.end(), '\0');
  for (ptrdiff_t i = 0; i < n_fields; i += 2) {
    std::istringstream numbers(next_field());
    size_t number = 0;
    text::FilePart part;
    double bytes = 0;
    numbers >> number >> part.begin >> part.end >> bytes;
    part.path = next_field();
    if (number == parts.size()) parts.emplace_back();
    parts.back().files.push_back(std::move(part));
    parts.back().bytes += bytes;
  }
  return parts;
}

std::vector<text::TextPart> files_of(const std::vector<Part>& parts) {
  std::vector<text::TextPart> files;
  for (const Part& part : parts) files.push_back(part.files);
  return files;
}

std::string hidden_beside(const fs::path& path, const char* ending) {
  return "." + path.filename().string() + ending;
}

fs::path lock_of(const fs::path& path) {
  return path.parent_path() / hidden_beside(path, ".lock");
}

//! The right to make the store. None where another job has it.
std::optional<FileLock> try_for_turn(const fs::path& path, bool& is_lockable) {
  try {
    return FileLock::try_take(lock_of(path));
  } catch (const OutputError&) {
    // A file system without locks: what two jobs make at once is made twice.
    is_lockable = false;
    return std::nullopt;
  }
}

//! Leavings of jobs that were killed. Needs the lock.
void remove_leavings(const fs::path& path) {
  const std::string prefix = hidden_beside(path, ".making.");
  for (const auto& entry : fs::directory_iterator(path.parent_path())) {
    std::error_code ignored;
    if (entry.path().filename().string().starts_with(prefix)) fs::remove_all(entry.path(), ignored);
  }
}

std::string encode(const std::vector<std::pair<size_t, text::PartCounts>>& parts) {
  Json all = Json::array();
  for (const auto& [number, counts] : parts) {
    all.push_back({number, counts.n_tokens, counts.n_documents, counts.bad.n, counts.bad.first});
  }
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void refuse_to_go_on() {
  throw StoppedError("stopped while the text was tokenized; the same command starts that again");
}

void stop_if_wanted(const StoreOrder& order, mpi::WorkQueue& queue) {
  if (!order.is_stopped()) return;
  queue.stop();
  refuse_to_go_on();
}

//! Makes one store; all steps are collective.
class Making {
 public:
  Making(const StoreOrder& order, const fs::path& folder, std::vector<Part> parts, const mpi::Comm& comm,
         ProgressLine& line)
      : order_(order),
        comm_(comm),
        line_(line),
        parts_(std::move(parts)),
        build_(folder, order.tokenizer, order.options, files_of(parts_)) {}

  void go() {
    const std::string stamp = on_root(comm_, [&] { return text::files_stamp(order_.files); });
    tokenize();
    on_root(comm_, [&] {
      if (text::files_stamp(order_.files) == stamp) return "";
      throw TextError("[text]", "a file changed while it was tokenized; start again");
    });
    on_root(comm_, [&] {
      build_.create();
      return "";
    });
    on_all(comm_, [&](int64_t& part) {
      for (part = comm_.rank(); part < n_parts(); part += comm_.size()) build_.place(static_cast<size_t>(part));
    });
    const std::string text_hash = on_root(comm_, [&] { return build_.write_documents(); });
    const std::vector<Digest> hashes = hash_blocks();
    on_root(comm_, [&] {
      build_.commit(order_.path, text_hash, hashes);
      return "";
    });
  }

 private:
  int64_t n_parts() const { return static_cast<int64_t>(build_.n_parts()); }

  //! Largest parts first, so that ranks end together.
  std::vector<size_t> order_of_parts() const {
    std::vector<size_t> order(build_.n_parts());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, [&](size_t a, size_t b) { return parts_[a].bytes > parts_[b].bytes; });
    return order;
  }

  void tokenize() {
    const std::vector<size_t> parts = order_of_parts();
    double total = 0, done = 0;
    for (const Part& part : parts_) total += part.bytes;
    const auto start = std::chrono::steady_clock::now();
    mpi::WorkQueue queue(comm_, n_parts(), [&](int, std::span<const std::byte> message) {
      double bytes = 0;
      std::memcpy(&bytes, message.data(), sizeof bytes);
      done += bytes;
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      line_.show(fmt::format("tokenizing: {:.0f} % of {:.0f} MB, {:.1f} MB/s", 100 * done / total, total / 1e6,
                             done / 1e6 / seconds));
    });
    std::vector<std::pair<size_t, text::PartCounts>> mine;
    on_all(comm_, [&](int64_t& part) {
      try {
        while (const auto item = queue.next()) {
          part = static_cast<int64_t>(parts[static_cast<size_t>(item->front())]);
          stop_if_wanted(order_, queue);
          mine.emplace_back(part, build_.tokenize(static_cast<size_t>(part)));
          const double bytes = parts_[static_cast<size_t>(part)].bytes;
          queue.report(std::as_bytes(std::span(&bytes, 1)));
        }
      } catch (...) {
        while (queue.next()) {  // what is left would be tokenized for nothing
        }
        queue.finish();
        throw;
      }
      queue.finish();
    });
    gather(mine);
  }

  void gather(const std::vector<std::pair<size_t, text::PartCounts>>& mine) {
    std::vector<text::PartCounts> counts(build_.n_parts());
    for (const std::string& text : comm_.all_gather(encode(mine))) {
      const Json parts = Json::parse(text);
      for (const Json& one : parts) counts[one[0].get<size_t>()] = {one[1], one[2], {one[3], one[4]}};
    }
    build_.lay_out(counts);
    uint64_t n_bad = 0;
    std::string first;
    for (const text::PartCounts& part : counts) {
      if (first.empty()) first = part.bad.first;
      n_bad += part.bad.n;
    }
    if (n_bad > 0 && comm_.is_root()) line_.note(fmt::format("{} bad lines are skipped, the first: {}", n_bad, first));
  }

  std::vector<Digest> hash_blocks() {
    std::string mine;
    const uint64_t n = build_.n_blocks();
    const auto rank = static_cast<uint64_t>(comm_.rank()), size = static_cast<uint64_t>(comm_.size());
    on_all(comm_, [&](int64_t&) {
      for (uint64_t block = rank; block < n; block += size) {
        const Digest digest = build_.hash(block);
        mine.append(digest.begin(), digest.end());
      }
    });
    const std::vector<std::string> all = comm_.gather(mine);
    std::vector<Digest> hashes(comm_.is_root() ? n : 0);
    for (uint64_t block = 0; block < hashes.size(); ++block) {
      std::memcpy(hashes[block].data(), all[block % size].data() + block / size * sizeof(Digest), sizeof(Digest));
    }
    return hashes;
  }

  const StoreOrder& order_;
  const mpi::Comm& comm_;
  ProgressLine& line_;
  std::vector<Part> parts_;
  text::StoreBuild build_;
};

//! A folder that the root removes at the end.
class Scratch {
 public:
  Scratch(fs::path path, bool is_root) : path_(std::move(path)), is_root_(is_root) {}
  ~Scratch() {
    std::error_code ignored;
    if (is_root_) fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  bool is_root_;
};

}  // namespace

namespace {

//! Waits for this job's turn; whether the store is still to be made.
bool is_to_make(const StoreOrder& order, const std::function<bool()>& is_made, const mpi::Comm& comm,
                ProgressLine& line, std::optional<FileLock>& lock) {
  const fs::path& path = order.path;
  while (true) {
    const std::string answer = on_root(comm, [&]() -> std::string {
      if (order.is_stopped()) refuse_to_go_on();
      bool is_lockable = true;
      lock = try_for_turn(path, is_lockable);
      if (lock || !is_lockable) return is_made() ? "made" : "to make";
      line.show(fmt::format("waiting for the token store that another job makes ({})", lock_holder(lock_of(path))));
      return "wait";
    });
    if (answer != "wait") return answer == "to make";
    // Asleep on all ranks: a rank that waits in MPI burns its core.
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

}  // namespace

void make_store(const StoreOrder& order, const std::function<bool()>& is_made, const mpi::Comm& comm,
                ProgressLine::Mode progress) {
  ProgressLine line(comm.is_root() ? progress : ProgressLine::Mode::kNone);
  std::optional<FileLock> lock;
  on_root(comm, [&] {
    make_writable_folder(order.path.parent_path());
    return "";
  });
  if (!is_to_make(order, is_made, comm, line, lock)) return;
  const std::string parts =
      on_root(comm, [&] { return encode_parts(text::gathered(text::parts_of(order.files, order.options))); });
  const std::string folder = on_root(comm, [&]() -> std::string {
    if (lock) remove_leavings(order.path);
    return text::make_build_folder(order.path);
  });
  const Scratch scratch(folder, comm.is_root());
  Making(order, scratch.path(), decode_parts(parts), comm, line).go();
}

}  // namespace saesweep::sweep
