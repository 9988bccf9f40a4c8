#include "sae/architecture.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/errors.h"

namespace saesweep::sae {

const std::vector<Architecture>& all_architectures() {
  static const std::vector<Architecture> all = {Architecture::kTopK,      Architecture::kGroupMax,
                                                Architecture::kBatchTopK, Architecture::kRelu,
                                                Architecture::kJumpRelu,  Architecture::kMatryoshka};
  return all;
}

std::string name_of(Architecture architecture) {
  switch (architecture) {
    case Architecture::kTopK:
      return "topk";
    case Architecture::kGroupMax:
      return "groupmax";
    case Architecture::kBatchTopK:
      return "batch_topk";
    case Architecture::kRelu:
      return "relu";
    case Architecture::kJumpRelu:
      return "jumprelu";
    case Architecture::kMatryoshka:
      return "matryoshka";
  }
  throw std::logic_error("architecture without a name");
}

Architecture architecture_from(const std::string& name) {
  std::vector<std::string> names;
  for (const Architecture architecture : all_architectures()) {
    if (name_of(architecture) == name) return architecture;
    names.push_back(name_of(architecture));
  }
  throw InputError("architecture '" + name + "'", fmt::format("is not known, expected {}", fmt::join(names, ", ")));
}

bool takes_k(Architecture architecture) {
  return architecture != Architecture::kRelu && architecture != Architecture::kJumpRelu;
}

bool has_common_threshold(Architecture architecture) {
  return architecture == Architecture::kBatchTopK || architecture == Architecture::kMatryoshka;
}

}  // namespace saesweep::sae
