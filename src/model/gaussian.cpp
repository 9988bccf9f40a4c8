#include "model/gaussian.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

namespace saesweep::model {
namespace {

//! Sums run over blocks of this many elements and then over the blocks, whatever the number of threads.
constexpr int64_t kBlock = 1 << 14;
static_assert(kPieceElements % kBlock == 0, "pieces are whole blocks");

//! Adds the sums of term(value) over each block of values to total, block by block.
template <typename T, typename Term>
void add_blocks(double& total, const T* values, int64_t n, const Term& term) {
  std::vector<double> sums(static_cast<size_t>((n + kBlock - 1) / kBlock));
  at::parallel_for(0, static_cast<int64_t>(sums.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      double sum = 0;
      const int64_t last = std::min(n, (block + 1) * kBlock);
      for (int64_t i = block * kBlock; i < last; ++i) sum += term(static_cast<double>(values[i]));
      sums[static_cast<size_t>(block)] = sum;
    }
  });
  for (const double sum : sums) total += sum;
}

template <typename Term>
void add_blocks(double& total, const at::Tensor& values, const Term& term) {
  const int64_t n = values.numel();
  switch (values.scalar_type()) {
    case at::kFloat:
      return add_blocks(total, values.const_data_ptr<float>(), n, term);
    case at::kBFloat16:
      return add_blocks(total, values.const_data_ptr<at::BFloat16>(), n, term);
    case at::kHalf:
      return add_blocks(total, values.const_data_ptr<at::Half>(), n, term);
    default:
      return add_blocks(total, values.const_data_ptr<double>(), n, term);
  }
}

//! The sum of term(value) over a parameter.
template <typename Term>
double sum_of(const Checkpoint& checkpoint, const std::string& name, const Term& term) {
  double total = 0;
  checkpoint.read(name, [&](int64_t, const at::Tensor& piece) { add_blocks(total, piece, term); });
  return total;
}

int64_t n_elements(const Checkpoint& checkpoint, const std::string& name) {
  int64_t n = 1;
  for (const int64_t size : checkpoint.parameters().at(name).shape) n *= size;
  return n;
}

//! Draws elements [first, first + flat.numel()) of a tensor into flat. A block at a time is held in float32, on the
//! stack: a larger buffer that comes and goes between tensors that stay would leave holes in the heap.
void draw_block(const at::Tensor& flat, int64_t first, const Gaussian& gaussian, const Stream& stream) {
  std::array<float, kBlock> values;
  std::array<double, 1024> normals;
  const auto n = static_cast<size_t>(flat.numel());
  for (size_t done = 0; done < n; done += normals.size()) {
    const auto batch = std::span(normals).first(std::min(normals.size(), n - done));
    stream.normals(static_cast<uint64_t>(first) + done, batch);
    for (size_t i = 0; i < batch.size(); ++i) {
      values[done + i] = static_cast<float>(std::fma(gaussian.deviation, batch[i], gaussian.mean));
    }
  }
  flat.copy_(at::from_blob(values.data(), flat.sizes(), at::kFloat));
}

}  // namespace

Gaussian gaussian_of(const Checkpoint& checkpoint, const std::string& name) {
  const auto n = static_cast<double>(n_elements(checkpoint, name));
  Gaussian gaussian;
  gaussian.mean = sum_of(checkpoint, name, [](double x) { return x; }) / n;
  // A square that no compiler can contract into the sum: each machine rounds alike.
  const auto square = [&](double x) { return std::fma(x - gaussian.mean, x - gaussian.mean, 0.0); };
  if (n > 1) gaussian.deviation = std::sqrt(sum_of(checkpoint, name, square) / (n - 1));
  return gaussian;
}

at::Tensor draw(const Gaussian& gaussian, const Stream& stream, at::IntArrayRef shape, at::ScalarType dtype,
                at::Device device) {
  const at::Tensor drawn = at::empty(shape, dtype);
  const at::Tensor flat = drawn.view(-1);
  const int64_t n = flat.numel();
  at::parallel_for(0, (n + kBlock - 1) / kBlock, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kBlock;
      draw_block(flat.narrow(0, first, std::min(kBlock, n - first)), first, gaussian, stream);
    }
  });
  return drawn.to(device);
}

}  // namespace saesweep::model
