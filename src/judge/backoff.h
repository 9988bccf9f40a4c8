#pragma once

#include <optional>

namespace saesweep::judge {

//! Seconds until a request is sent again after its n-th fault in a row (from 1): doubles from 0.25 s up to 15 s, of
//! which half is jitter (uniform in [0, 1)), so that requests that failed together do not come back together. Never
//! below retry_after, what the server asked for.
double backoff_seconds(int n_faults, double uniform, std::optional<double> retry_after);

}  // namespace saesweep::judge
