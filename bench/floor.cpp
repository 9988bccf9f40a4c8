#include "floor.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>

namespace saesweep::bench {

double product_seconds(int64_t m, int64_t k, int64_t n) {
  const at::Tensor a = at::randn({m, k});
  const at::Tensor b = at::randn({n, k}).t();
  at::Tensor out = at::empty({m, n});
  return median_seconds([&] { at::mm_out(out, a, b); });
}

}  // namespace saesweep::bench
