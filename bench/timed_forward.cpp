// Times forward passes on demand, for bench/forward_vs_transformers.py, which alternates them with transformers' own.
//
//   timed_forward MODEL DTYPE DEVICE THREADS
//
// A line of standard input is one measurement, answered by a line of seconds (of the clock, and of the processor):
// `forward ROWS CONTEXT LAYER`, up to the residual stream after a block, or with LAYER -1 all blocks and the logits;
// `block_floor ROWS CONTEXT` and `head_floor ROWS CONTEXT`, the products alone of one block and of the head.

#include <ATen/ops/randint.h>
#include <fmt/format.h>

#include <ctime>
#include <iostream>
#include <sstream>

#include "base/errors.h"
#include "floor.h"
#include "model/compute.h"
#include "model/variants.h"

namespace saesweep::bench {
namespace {

struct Seconds {
  double clock = 0;
  double processor = 0;
};

class TimedForward {
 public:
  TimedForward(const std::string& folder, const std::string& dtype, at::Device device)
      : model_(model::make_variant(model::find_model(folder), model::Variant::kTrained, -1, {.dtype = dtype}, device)) {
  }

  Seconds seconds(const std::string& what, int64_t rows, int64_t context, int64_t layer) const {
    if (what == "forward") return forward(rows, context, layer);
    const model::GptNeoxConfig& config = model_.config();
    if (what == "block_floor") {
      return {block_product_seconds(config, rows, context, model_.dtype(), model_.device())};
    }
    return {product_seconds(rows * context, config.d_model, config.vocab_size, model_.dtype(), model_.device())};
  }

 private:
  Seconds forward(int64_t rows, int64_t context, int64_t layer) const {
    using Clock = std::chrono::steady_clock;
    const at::Tensor ids = at::randint(model_.config().vocab_size, {rows, context}, at::kLong);
    model::ForwardRequest request;
    request.logits = layer < 0;
    if (layer >= 0) request.capture = {{model::Hookpoint::Kind::kResidual, layer}};
    const std::clock_t processor_start = std::clock();
    const auto start = Clock::now();
    const model::ForwardResult result = model_.forward(ids, request);
    wait_for(model_.device());
    return {std::chrono::duration<double>(Clock::now() - start).count(),
            static_cast<double>(std::clock() - processor_start) / CLOCKS_PER_SEC};
  }

  model::GptNeox model_;
};

void answer_all(const TimedForward& timed) {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string what;
    int64_t rows = 0, context = 0, layer = -1;
    words >> what >> rows >> context >> layer;
    const Seconds seconds = timed.seconds(what, rows, context, layer);
    std::cout << seconds.clock << ' ' << seconds.processor << std::endl;
  }
}

}  // namespace
}  // namespace saesweep::bench

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: timed_forward MODEL DTYPE DEVICE THREADS\n";
    return 2;
  }
  try {
    saesweep::model::set_threads(std::stoll(argv[4]));
    saesweep::bench::answer_all({argv[1], argv[2], saesweep::model::device_from(argv[3])});
  } catch (const std::exception& error) {
    std::cerr << "timed_forward: " << error.what() << "\n";
    return 2;
  }
}
