#include "judge/refusal.h"

#include <fmt/format.h>

#include "http/url.h"
#include "judge/openai_reply.h"

namespace saesweep::judge {

namespace {

std::string advice_on(int status, const std::string& api_key_env) {
  if (status == 401 || status == 403) {
    return api_key_env.empty() ? "set [judge] api_key_env to the variable that holds the key"
                               : fmt::format("check the key in {}", api_key_env);
  }
  if (status == 404 || status == 405) return "check [judge] base_url (with /v1, where the server has it) and model";
  return "check [judge] model, top_logprobs, prompt_logprobs and extra_body against what the server takes";
}

}  // namespace

bool is_passing(int status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

bool is_of_request(int status) {
  return status == 400 || status == 413 || status == 422;
}

std::string describe_refusal(const http::Outcome& outcome, const std::string& api_key_env) {
  if (outcome.fault != http::Fault::kNone) return outcome.message + "; its certificate is not trusted";
  if (outcome.status >= 300 && outcome.status < 400) {
    return fmt::format("HTTP {}: redirects to {}; give that as [judge] base_url", outcome.status,
                       http::without_credentials(outcome.location));
  }
  return fmt::format("HTTP {}: {}; {}", outcome.status, error_message(outcome.body),
                     advice_on(outcome.status, api_key_env));
}

}  // namespace saesweep::judge
