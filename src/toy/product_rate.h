#pragma once

#include <cstdint>

namespace saesweep::toy {

//! Seconds of the products alone of n_steps training steps of an SAE on the CPU, on the calling thread: shapes and
//! order are those of toy/sae_training.h, operands random.
double seconds_of_products(int64_t d_in, int64_t n_latents, int64_t batch, int64_t n_steps);

//! Operations a second of such products, timed for a moment.
double product_rate(int64_t d_in, int64_t n_latents, int64_t batch);

}  // namespace saesweep::toy
