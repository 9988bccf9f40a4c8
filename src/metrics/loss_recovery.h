#pragma once

namespace saesweep::metrics {

//! Share of the loss that zeros at the hook cost and the reconstruction wins back:
//! (ce_zero - ce_sae) / (ce_zero - ce_clean), all in nats a token; NaN where the denominator is below 0.1, as the
//! ratio then is noise ("loss recovered", Bricken et al. 2023; docs/results.md).
double ce_loss_score(double ce_clean, double ce_sae, double ce_zero);

//! 1 - kl_sae / kl_zero, divergences from the clean predictions; NaN where kl_zero is not above 0.
double kl_score(double kl_sae, double kl_zero);

}  // namespace saesweep::metrics
