#include "model/attention.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

namespace saesweep::model {
namespace {

//! Turns one query or key of d_rotary = 2 half dimensions.
template <typename T>
void rotate_vector(T* x, const float* cos, const float* sin, int64_t half) {
  for (int64_t i = 0; i < half; ++i) {
    const auto first = static_cast<float>(x[i]);
    const auto second = static_cast<float>(x[i + half]);
    x[i] = static_cast<T>(first * cos[i] - second * sin[i]);
    x[i + half] = static_cast<T>(second * cos[i] + first * sin[i]);
  }
}

template <typename T>
void rotate_on_cpu(const at::Tensor& qkv, const at::Tensor& cos, const at::Tensor& sin) {
  const int64_t context = qkv.size(1), heads = qkv.size(2), d_head = qkv.size(3) / 3, half = cos.size(1);
  T* data = qkv.mutable_data_ptr<T>();
  const float* cosines = cos.const_data_ptr<float>();
  const float* sines = sin.const_data_ptr<float>();
  at::parallel_for(0, qkv.size(0) * context, 256, [&](int64_t begin, int64_t end) {
    for (int64_t token = begin; token < end; ++token) {
      const int64_t place = token % context * half;
      for (int64_t head = 0; head < heads; ++head) {
        T* query = data + (token * heads + head) * 3 * d_head;
        rotate_vector(query, cosines + place, sines + place, half);
        rotate_vector(query + d_head, cosines + place, sines + place, half);
      }
    }
  });
}

//! The same with ATen's operators, for other devices.
void rotate_by_operators(const at::Tensor& qkv, const at::Tensor& cos, const at::Tensor& sin) {
  const int64_t context = qkv.size(1), d_head = qkv.size(3) / 3, half = cos.size(1);
  const at::Tensor pairs = qkv.view({qkv.size(0), context, qkv.size(2), 3, d_head}).narrow(3, 0, 2);
  const at::Tensor c = cos.narrow(0, 0, context).view({1, context, 1, 1, half});
  const at::Tensor s = sin.narrow(0, 0, context).view({1, context, 1, 1, half});
  const at::Tensor first = pairs.narrow(4, 0, half).to(at::kFloat, false, true);
  const at::Tensor second = pairs.narrow(4, half, half).to(at::kFloat, false, true);
  pairs.narrow(4, 0, half).copy_(first * c - second * s);
  pairs.narrow(4, half, half).copy_(second * c + first * s);
}

}  // namespace

std::pair<at::Tensor, at::Tensor> rotary_tables(int64_t context, int64_t d_rotary, double base, double scale) {
  // In float32 and in this order, as transformers computes them.
  const at::Tensor exponent = at::arange(0, d_rotary, 2, at::kFloat) / static_cast<double>(d_rotary);
  const at::Tensor frequency = at::reciprocal(at::pow(base, exponent)) / scale;
  const at::Tensor angle = at::arange(context, at::kFloat).unsqueeze(1) * frequency;
  return {angle.cos(), angle.sin()};
}

void rotate(const at::Tensor& qkv, const at::Tensor& cos, const at::Tensor& sin) {
  if (qkv.is_cpu() && qkv.scalar_type() == at::kFloat) {
    rotate_on_cpu<float>(qkv, cos, sin);
  } else if (qkv.is_cpu() && qkv.scalar_type() == at::kBFloat16) {
    rotate_on_cpu<at::BFloat16>(qkv, cos, sin);
  } else {
    rotate_by_operators(qkv, cos, sin);
  }
}

at::Tensor causal_attention(const at::Tensor& qkv) {
  const int64_t d_head = qkv.size(3) / 3;
  const at::Tensor heads = qkv.transpose(1, 2);
  const at::Tensor out =
      at::scaled_dot_product_attention(heads.narrow(3, 0, d_head), heads.narrow(3, d_head, d_head),
                                       heads.narrow(3, 2 * d_head, d_head), {}, 0.0, /*is_causal=*/true);
  return out.transpose(1, 2).flatten(2);
}

}  // namespace saesweep::model
