#include "model/gaussian.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
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

//! Elements [first, first + n) of the drawn tensor.
void fill(float* values, int64_t first, int64_t n, const Gaussian& gaussian, const Stream& stream) {
  at::parallel_for(0, n, kBlock, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const double normal = stream.normal(static_cast<uint64_t>(first + i));
      values[i] = static_cast<float>(std::fma(gaussian.deviation, normal, gaussian.mean));
    }
  });
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
  at::Tensor drawn = at::empty(shape, at::TensorOptions().dtype(dtype).device(device));
  const at::Tensor flat = drawn.view(-1);
  const at::Tensor piece = at::empty({std::min(kPieceElements, flat.numel())}, at::kFloat);
  for (int64_t first = 0; first < flat.numel(); first += kPieceElements) {
    const int64_t n = std::min(kPieceElements, flat.numel() - first);
    fill(piece.mutable_data_ptr<float>(), first, n, gaussian, stream);
    flat.narrow(0, first, n).copy_(piece.narrow(0, 0, n));
  }
  return drawn;
}

}  // namespace saesweep::model
