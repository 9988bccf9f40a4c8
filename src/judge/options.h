#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace saesweep::judge {

//! Who judges, and how it is reached. What decides replies enters the score id: kind, model, temperature, seed,
//! logprobs, top_logprobs, prompt_logprobs, extra_body.
struct JudgeOptions {
  //! "lexical" (embedded) or "openai" (any endpoint that speaks OpenAI's protocol).
  std::string kind = "lexical";
  //! Base addresses (http://host:8000/v1); several are balanced.
  std::vector<std::string> base_urls;
  //! File in which a server's job writes its address; "": base_urls are given. Read again when the connection is lost.
  std::string endpoint_file;
  //! Seconds to wait for that file to come.
  double endpoint_wait = 3600;
  std::string model;
  //! Environment variable that holds the key; "": none is sent. The key itself is never written.
  std::string api_key_env;

  double temperature = 0;
  int64_t seed = 0;
  //! Whether the endpoint gives logprobs; without them scores are balanced accuracies alone.
  bool logprobs = true;
  int64_t top_logprobs = 5;
  //! How it gives logprobs of prompts, for simulation: "none", "echo" (completions with echo), "vllm"
  //! (prompt_logprobs).
  std::string prompt_logprobs = "none";
  //! More fields of each request's body: a JSON object.
  std::string extra_body = "{}";

  //! Requests at a time over all ranks.
  int64_t max_in_flight = 64;
  //! Seconds to connect, until the first byte of a reply, and for a reply whole.
  double connect_timeout = 10;
  double first_byte_timeout = 120;
  double timeout = 300;
  //! Seconds without any usable reply after which the run ends, resumable.
  double give_up_after = 600;
  //! Requests and tokens (prompt and reply) that one run may spend over all ranks; 0: any number.
  int64_t budget_requests = 0;
  int64_t budget_tokens = 0;
  //! Folder of the reply cache; "": the output's judge/.
  std::string cache_dir;
};

}  // namespace saesweep::judge
