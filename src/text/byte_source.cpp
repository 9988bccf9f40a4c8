#include "text/byte_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"

namespace saesweep::text {

namespace {

constexpr size_t kPackedBytes = 1 << 17;

//! A file read from front to back.
class File {
 public:
  File(const std::filesystem::path& path, uint64_t begin)
      : path_(path.string()), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) fail(std::strerror(errno));
    if (begin > 0 && ::lseek(descriptor_, static_cast<off_t>(begin), SEEK_SET) < 0) fail(std::strerror(errno));
    ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  size_t read(char* out, size_t n) {
    while (true) {
      const ssize_t found = ::read(descriptor_, out, n);
      if (found >= 0) return static_cast<size_t>(found);
      if (errno != EINTR) fail(std::strerror(errno));
    }
  }

  [[noreturn]] void fail(const std::string& what) const { throw TextError(path_, what); }

 private:
  std::string path_;
  int descriptor_;
};

}  // namespace

class ByteSource::Reader {
 public:
  virtual ~Reader() = default;
  //! Some of the next bytes, none only at the end.
  virtual size_t read_some(std::span<char> out) = 0;
};

class ByteSource::PlainReader : public Reader {
 public:
  PlainReader(const std::filesystem::path& path, uint64_t begin) : file_(path, begin) {}
  size_t read_some(std::span<char> out) override { return file_.read(out.data(), out.size()); }

 private:
  File file_;
};

class ByteSource::GzipReader : public Reader {
 public:
  explicit GzipReader(const std::filesystem::path& path) : file_(path, 0), packed_(kPackedBytes) {
    constexpr int kGzip = 16;
    if (::inflateInit2(&stream_, MAX_WBITS + kGzip) != Z_OK) file_.fail("zlib cannot start");
  }
  ~GzipReader() override { ::inflateEnd(&stream_); }

  size_t read_some(std::span<char> out) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    while (stream_.avail_out == out.size()) {
      if (stream_.avail_in == 0 && !refill()) return 0;
      if (between_members_) ::inflateReset(&stream_);
      between_members_ = false;
      const int status = ::inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        between_members_ = true;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        file_.fail(fmt::format("is no sound gzip file: {}", stream_.msg != nullptr ? stream_.msg : "damaged"));
      }
    }
    return out.size() - stream_.avail_out;
  }

 private:
  bool refill() {
    const size_t n = file_.read(reinterpret_cast<char*>(packed_.data()), packed_.size());
    if (n == 0 && !between_members_) file_.fail("is cut short: its gzip data has no end");
    stream_.next_in = packed_.data();
    stream_.avail_in = static_cast<uInt>(n);
    return n > 0;
  }

  File file_;
  std::vector<Bytef> packed_;
  z_stream stream_{};
  bool between_members_ = false;
};

class ByteSource::ZstdReader : public Reader {
 public:
  explicit ZstdReader(const std::filesystem::path& path)
      : file_(path, 0), packed_(kPackedBytes), context_(::ZSTD_createDCtx()) {
    if (context_ == nullptr) file_.fail("Zstandard cannot start");
    // Archives of text are often packed with long windows (zstd --long=31).
    ::ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLog);
  }

  size_t read_some(std::span<char> out) override {
    ZSTD_outBuffer unpacked{out.data(), out.size(), 0};
    while (unpacked.pos == 0) {
      // A frame may have bytes left to give with no byte left to take.
      if (input_.pos == input_.size && !has_more_) {
        if (!refill()) return 0;
      }
      const size_t status = ::ZSTD_decompressStream(context_.get(), &unpacked, &input_);
      if (::ZSTD_isError(status) != 0) {
        file_.fail(fmt::format("is no sound Zstandard file: {}", ::ZSTD_getErrorName(status)));
      }
      in_frame_ = status != 0;
      has_more_ = unpacked.pos == unpacked.size && in_frame_;
    }
    return unpacked.pos;
  }

 private:
  static constexpr int kWindowLog = 31;

  struct Free {
    void operator()(ZSTD_DCtx* context) const { ::ZSTD_freeDCtx(context); }
  };

  bool refill() {
    const size_t n = file_.read(packed_.data(), packed_.size());
    if (n == 0 && in_frame_) file_.fail("is cut short: its Zstandard data has no end");
    input_ = {packed_.data(), n, 0};
    return n > 0;
  }

  File file_;
  std::vector<char> packed_;
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  ZSTD_inBuffer input_{nullptr, 0, 0};
  bool in_frame_ = false;
  bool has_more_ = false;
};

ByteSource::ByteSource(const std::filesystem::path& path, uint64_t begin) {
  const std::string ending = lower_case(path.extension());
  if (ending == ".gz") {
    reader_ = std::make_unique<GzipReader>(path);
  } else if (ending == ".zst") {
    reader_ = std::make_unique<ZstdReader>(path);
  } else {
    reader_ = std::make_unique<PlainReader>(path, begin);
  }
}

ByteSource::~ByteSource() = default;
ByteSource::ByteSource(ByteSource&&) noexcept = default;
ByteSource& ByteSource::operator=(ByteSource&&) noexcept = default;

size_t ByteSource::read(std::span<char> out) {
  size_t n = 0;
  while (n < out.size()) {
    const size_t found = reader_->read_some(out.subspan(n));
    if (found == 0) break;
    n += found;
  }
  return n;
}

std::string lower_case(std::string ending) {
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return ending;
}

bool is_packed(const std::filesystem::path& path) {
  const std::string ending = lower_case(path.extension());
  return ending == ".gz" || ending == ".zst";
}

}  // namespace saesweep::text
