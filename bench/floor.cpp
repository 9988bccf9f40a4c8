#include "floor.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace saesweep::bench {

void wait_for(at::Device device) {
  if (device.is_cpu()) return;
  const c10::impl::VirtualGuardImpl guard(device.type());
  guard.synchronizeDevice(device.has_index() ? device.index() : guard.getDevice().index());
}

double product_seconds(int64_t m, int64_t k, int64_t n, at::ScalarType dtype, at::Device device) {
  const at::TensorOptions options = at::TensorOptions(dtype).device(device);
  const at::Tensor a = at::randn({m, k}, options);
  const at::Tensor b = at::randn({n, k}, options).t();
  at::Tensor out = at::empty({m, n}, options);
  return median_seconds([&] {
    at::mm_out(out, a, b);
    wait_for(device);
  });
}

double block_product_seconds(const model::GptNeoxConfig& config, int64_t rows, int64_t context, at::ScalarType dtype,
                             at::Device device) {
  const int64_t n = rows * context;
  const int64_t d = config.d_model;
  const int64_t d_head = d / config.n_heads;
  const auto seconds = [&](int64_t m, int64_t k, int64_t out) { return product_seconds(m, k, out, dtype, device); };
  return seconds(n, d, 3 * d) + seconds(n, d, d) + seconds(n, d, config.d_mlp) + seconds(n, config.d_mlp, d) +
         static_cast<double>(rows * config.n_heads) *
             (seconds(context, d_head, context) + seconds(context, context, d_head)) / 2;
}

}  // namespace saesweep::bench
