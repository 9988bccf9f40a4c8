#include "sweep/prediction.h"

#include <fmt/format.h>

#include <cmath>

#include "autointerp/request_counts.h"
#include "base/progress.h"

namespace saesweep::sweep {

std::string PredictionAndFact::text() const {
  if (!(predicted_seconds > 0) || std::isnan(seconds)) return "";
  const std::string basis = n_cells_known > 0 ? fmt::format("by {} finished cells", n_cells_known)
                                              : std::string("by counted operations, no cell being finished");
  std::string text;
  if (has_device_work) {
    text = fmt::format("Predicted ({}) {}, took {}: {:.2f} times that\n", basis, duration_text(predicted_seconds),
                       duration_text(seconds), seconds / predicted_seconds);
  }
  if (predicted_requests > 0) {
    const std::string end =
        has_device_work ? fmt::format("it ended {} after the devices", duration_text(judge_seconds))
                        : fmt::format("all that was left was its, and took {}", duration_text(seconds + judge_seconds));
    text += fmt::format("Judge: at most {} requests predicted, {} answered; {}\n", predicted_requests, requests, end);
  }
  if (calibration.n_cells > 0) text += fmt::format("Cost model, for the next prediction: {}\n", calibration.text());
  return text;
}

int64_t n_requests(std::span<const Cell> cells, const SweepOptions& options) {
  int64_t n = 0;
  if (!options.autointerp.is_wanted) return n;
  const bool by_prompt = options.judge.prompt_logprobs != "none";
  for (const Cell& cell : cells) {
    for (const auto& count : autointerp::request_counts(options.autointerp, by_prompt, cell.n_latents)) {
      n += count.n_requests;
    }
  }
  return n;
}

}  // namespace saesweep::sweep
