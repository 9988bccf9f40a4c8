#include "model/variants.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <vector>

#include "base/errors.h"
#include "base/random.h"

namespace saesweep::model {
namespace {

//! Sums run over blocks of this many elements and then over the blocks, whatever the number of threads.
constexpr int64_t kBlock = 1 << 14;

struct Moments {
  double mean = 0;
  double deviation = 0;
};

//! The sum of term(values[i]) over all elements, in the order of the fixed blocks.
template <typename T, typename Term>
double blocked_sum(const T* values, int64_t n, const Term& term) {
  const int64_t n_blocks = (n + kBlock - 1) / kBlock;
  std::vector<double> sums(static_cast<size_t>(n_blocks));
  at::parallel_for(0, n_blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      double sum = 0;
      const int64_t last = std::min(n, (block + 1) * kBlock);
      for (int64_t i = block * kBlock; i < last; ++i) sum += term(static_cast<double>(values[i]));
      sums[static_cast<size_t>(block)] = sum;
    }
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

template <typename T>
Moments moments_of(const at::Tensor& tensor) {
  const T* values = tensor.const_data_ptr<T>();
  const int64_t n = tensor.numel();
  Moments moments;
  moments.mean = blocked_sum(values, n, [](double x) { return x; }) / static_cast<double>(n);
  // A square that no compiler can contract into the sum: each machine rounds alike.
  const auto square = [&](double x) { return std::fma(x - moments.mean, x - moments.mean, 0.0); };
  if (n > 1) moments.deviation = std::sqrt(blocked_sum(values, n, square) / static_cast<double>(n - 1));
  return moments;
}

Moments moments_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return moments_of<float>(tensor);
    case at::kBFloat16:
      return moments_of<at::BFloat16>(tensor);
    case at::kHalf:
      return moments_of<at::Half>(tensor);
    default:
      return moments_of<double>(tensor);
  }
}

at::Tensor redraw(const at::Tensor& tensor, const Stream& stream, at::ScalarType dtype) {
  const Moments moments = moments_of(tensor);
  const at::Tensor drawn = at::empty(tensor.sizes(), at::kFloat);
  float* values = drawn.mutable_data_ptr<float>();
  at::parallel_for(0, drawn.numel(), kBlock, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      values[i] =
          static_cast<float>(std::fma(moments.deviation, stream.normal(static_cast<uint64_t>(i)), moments.mean));
    }
  });
  return drawn.to(dtype);
}

bool is_norm(const std::string& name) {
  return name.find("norm") != std::string::npos;
}

bool is_redrawn(const std::string& name, Variant variant, bool rerandomize_norms) {
  if (variant != Variant::kRerandomizedIncl && variant != Variant::kRerandomizedExcl) return false;
  if (is_norm(name)) return rerandomize_norms;
  return variant == Variant::kRerandomizedIncl || (name != kEmbeddingName && name != kUnembeddingName);
}

//! Noise of the tokens [begin, end) of documents and positions.
void fill_noise(int64_t seed, std::span<const uint64_t> documents, std::span<const uint32_t> positions, int64_t d,
                float* out) {
  std::optional<Stream> stream;  // a stream's key is a SHA-256: one for each run of a document's tokens
  for (size_t token = 0; token < documents.size(); ++token) {
    if (token == 0 || documents[token] != documents[token - 1]) {
      stream.emplace(Stream{std::string("control"), seed, documents[token]});
    }
    const uint64_t first = uint64_t{positions[token]} * static_cast<uint64_t>(d);
    for (uint64_t i = 0; i < static_cast<uint64_t>(d); ++i) *out++ = static_cast<float>(stream->normal(first + i));
  }
}

}  // namespace

std::filesystem::path checkpoint_folder(const std::filesystem::path& folder, Variant variant) {
  if (variant != Variant::kStep0) return folder;
  std::filesystem::path step0 = folder / "step0";
  if (!std::filesystem::is_directory(step0)) {
    throw ModelError(step0.string(),
                     "no such folder; the variant step0 expects the weights before the first training "
                     "step (revision step0 of the model) there");
  }
  return step0;
}

at::ScalarType dtype_from(const std::string& name) {
  if (name == "float32") return at::kFloat;
  if (name == "bfloat16") return at::kBFloat16;
  throw InputError("dtype", "found '" + name + "', expected float32 or bfloat16");
}

TensorMap variant_tensors(const Checkpoint& checkpoint, Variant variant, int64_t init_seed, bool rerandomize_norms,
                          at::ScalarType dtype) {
  TensorMap tensors;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    tensors[name] = is_redrawn(name, variant, rerandomize_norms)
                        ? redraw(tensor, Stream{std::string("rerandomize"), init_seed, name}, dtype)
                        : tensor.to(dtype);
  }
  return tensors;
}

GptNeox make_variant(const std::filesystem::path& folder, Variant variant, int64_t init_seed,
                     const ModelOptions& options, at::Device device) {
  const at::ScalarType dtype = dtype_from(options.dtype);
  const Checkpoint checkpoint = read_checkpoint(checkpoint_folder(folder, variant));
  return {checkpoint.config, variant_tensors(checkpoint, variant, init_seed, options.rerandomize_norms, dtype), dtype,
          device};
}

at::Tensor control_embeddings(int64_t noise_seed, std::span<const uint64_t> documents,
                              std::span<const uint32_t> positions, int64_t rows, int64_t context, int64_t d) {
  const auto n = static_cast<size_t>(rows * context);
  if (documents.size() != n || positions.size() != n) {
    throw SystemError(fmt::format("control noise of {} x {} tokens asked for with {} documents and {} positions", rows,
                                  context, documents.size(), positions.size()));
  }
  at::Tensor noise = at::empty({rows, context, d}, at::kFloat);
  float* out = noise.mutable_data_ptr<float>();
  at::parallel_for(0, rows, 1, [&](int64_t begin, int64_t end) {
    const auto first = static_cast<size_t>(begin * context);
    const auto count = static_cast<size_t>((end - begin) * context);
    fill_noise(noise_seed, documents.subspan(first, count), positions.subspan(first, count), d,
               out + begin * context * d);
  });
  return noise;
}

}  // namespace saesweep::model
