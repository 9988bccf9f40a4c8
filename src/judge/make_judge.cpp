#include "judge/make_judge.h"

#include "base/errors.h"
#include "judge/lexical_judge.h"
#include "judge/openai_judge.h"

namespace saesweep::judge {

std::unique_ptr<Judge> make_judge(const JudgeOptions& options, const JudgePlace& place) {
  if (options.kind == "lexical") return std::make_unique<LexicalJudge>();
  if (options.kind == "openai") return std::make_unique<OpenAiJudge>(options, place);
  throw ConfigError("[judge] kind", "'" + options.kind + "' is none of lexical, openai");
}

}  // namespace saesweep::judge
