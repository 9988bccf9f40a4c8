#include "autointerp/harvest_file.h"

#include <bit>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "base/errors.h"
#include "base/files.h"
#include "base/hash.h"

namespace saesweep::autointerp {

namespace {

static_assert(std::endian::native == std::endian::little, "harvest files are little-endian");

constexpr std::string_view kMagic = "saesweep harvest 1\n";

class Damaged : public std::exception {};

//! Writes what Reader reads, by the same functions `pass`.
class Writer {
 public:
  template <typename T>
  void number(const T& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  template <typename T>
  void numbers(const std::vector<T>& values) {
    number(static_cast<uint64_t>(values.size()));
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  }
  template <typename T, typename Pass>
  void each(const std::vector<T>& values, Pass&& pass) {
    number(static_cast<uint64_t>(values.size()));
    for (const T& value : values) pass(value);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_{kMagic};
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <typename T>
  void number(T& value) {
    std::memcpy(&value, take(sizeof value), sizeof value);
  }
  template <typename T>
  void numbers(std::vector<T>& values) {
    values.resize(count(sizeof(T)));
    if (!values.empty()) std::memcpy(values.data(), take(values.size() * sizeof(T)), values.size() * sizeof(T));
  }
  template <typename T, typename Pass>
  void each(std::vector<T>& values, Pass&& pass) {
    values.resize(count(1));
    for (T& value : values) pass(value);
  }

 private:
  const char* take(size_t n) {
    if (bytes_.size() < n) throw Damaged();
    const char* at = bytes_.data();
    bytes_.remove_prefix(n);
    return at;
  }
  size_t count(size_t bytes_each) {
    uint64_t n = 0;
    number(n);
    if (n > bytes_.size() / bytes_each) throw Damaged();
    return n;
  }

  std::string_view bytes_;
};

template <typename Archive, typename W>
void pass_window(Archive& archive, W& window) {
  archive.number(window.row);
  archive.number(window.start);
  archive.numbers(window.ids);
  archive.numbers(window.activations);
}

template <typename Archive, typename L>
void pass_latent(Archive& archive, L& latent) {
  archive.number(latent.latent);
  archive.number(latent.n_firings);
  archive.number(latent.n_firing_windows);
  archive.numbers(latent.peak_quantiles);
  for (auto* windows : {&latent.top, &latent.explainer, &latent.firing, &latent.silent}) {
    archive.each(*windows, [&](auto& window) { pass_window(archive, window); });
  }
  archive.numbers(latent.firing_quantile);
}

template <typename Archive, typename H>
void pass_harvest(Archive& archive, H& harvest) {
  archive.number(harvest.n_drawn);
  archive.number(harvest.n_tokens);
  archive.number(harvest.n_windows);
  archive.numbers(harvest.status);
  archive.each(harvest.latents, [&](auto& latent) { pass_latent(archive, latent); });
}

std::string seal(std::string_view bytes) {
  const Digest digest = sha256(bytes);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

StoredHarvest choose_examples(const evaluate::CellHarvest& harvest, const AutointerpOptions& options) {
  StoredHarvest stored{{}, harvest.status, harvest.n_drawn, harvest.n_tokens, harvest.n_windows};
  for (const evaluate::LatentWindows& latent : harvest.latents) {
    stored.latents.push_back(choose_examples(latent, options));
  }
  return stored;
}

void write_harvest(const std::filesystem::path& path, const StoredHarvest& harvest) {
  Writer writer;
  pass_harvest(writer, harvest);
  AtomicFile file(path);
  file.write(writer.bytes());
  file.write(seal(writer.bytes()));
  file.commit();
}

std::optional<StoredHarvest> read_harvest(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  const std::string bytes = read_file(path);
  constexpr size_t kSealBytes = sizeof(Digest);
  if (bytes.size() < kMagic.size() + kSealBytes || !bytes.starts_with(kMagic)) return std::nullopt;
  const std::string_view content(bytes.data(), bytes.size() - kSealBytes);
  if (seal(content) != std::string_view(bytes).substr(content.size())) return std::nullopt;
  try {
    StoredHarvest harvest;
    Reader reader(content.substr(kMagic.size()));
    pass_harvest(reader, harvest);
    return harvest;
  } catch (const Damaged&) {
    return std::nullopt;
  }
}

}  // namespace saesweep::autointerp
