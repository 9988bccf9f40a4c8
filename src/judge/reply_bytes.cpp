#include "judge/reply_bytes.h"

#include <zstd.h>

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "base/json.h"

namespace saesweep::judge {

namespace {

constexpr int kLevel = 3;
constexpr uint64_t kMostBytes = uint64_t{1} << 30;

Json json_of(const Reply& reply) {
  Json tokens = Json::array();
  for (const ReplyToken& token : reply.tokens) {
    Json candidates = Json::array();
    for (const Candidate& candidate : token.candidates) candidates.push_back({candidate.text, candidate.logprob});
    tokens.push_back({token.text, std::move(candidates)});
  }
  return {{"text", reply.text},
          {"tokens", std::move(tokens)},
          {"n_prompt", reply.n_prompt_tokens},
          {"n_reply", reply.n_reply_tokens}};
}

Reply reply_of(const Json& json) {
  Reply reply;
  reply.text = json.at("text").get<std::string>();
  reply.n_prompt_tokens = json.at("n_prompt").get<int64_t>();
  reply.n_reply_tokens = json.at("n_reply").get<int64_t>();
  for (const Json& token : json.at("tokens")) {
    ReplyToken& added = reply.tokens.emplace_back(ReplyToken{token.at(0).get<std::string>(), {}});
    for (const Json& candidate : token.at(1)) {
      added.candidates.push_back({candidate.at(0).get<std::string>(), candidate.at(1).get<double>()});
    }
  }
  return reply;
}

std::string decompress(std::string_view bytes) {
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size > kMostBytes) throw std::runtime_error("is no stored reply");  // which its error codes are, too
  std::string text(size, '\0');
  const size_t n = ZSTD_decompress(text.data(), text.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(n) || n != size) throw std::runtime_error("is no stored reply");
  return text;
}

}  // namespace

std::string to_bytes(const Reply& reply) {
  const std::vector<uint8_t> plain = Json::to_cbor(json_of(reply));
  std::string bytes(ZSTD_compressBound(plain.size()), '\0');
  const size_t n = ZSTD_compress(bytes.data(), bytes.size(), plain.data(), plain.size(), kLevel);
  if (ZSTD_isError(n)) throw std::runtime_error(ZSTD_getErrorName(n));
  bytes.resize(n);
  return bytes;
}

Reply reply_of_bytes(std::string_view bytes) {
  return reply_of(Json::from_cbor(decompress(bytes)));
}

}  // namespace saesweep::judge
