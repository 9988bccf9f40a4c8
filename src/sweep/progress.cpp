#include "sweep/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace saesweep::sweep {

namespace {

//! Seconds of an evaluated token over those of a trained one, roughly: time left rests on it, nothing else.
constexpr double kEvaluatedTokenCost = 0.7;

struct Header {
  int64_t trained_tokens;
  int64_t evaluated_tokens;
  int64_t judged_requests;
  int32_t cells_done;
  int32_t cells_failed;
};

}  // namespace

std::vector<std::byte> ProgressMessage::encode() const {
  const Header header{trained_tokens, evaluated_tokens, judged_requests, cells_done, cells_failed};
  std::vector<std::byte> bytes(sizeof header + note.size());
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, note.data(), note.size());
  return bytes;
}

ProgressMessage ProgressMessage::decode(std::span<const std::byte> bytes) {
  Header header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  const auto note = bytes.subspan(sizeof header);
  return {header.trained_tokens,  header.evaluated_tokens,
          header.judged_requests, header.cells_done,
          header.cells_failed,    std::string(reinterpret_cast<const char*>(note.data()), note.size())};
}

ProgressBoard::ProgressBoard(ProgressLine::Mode mode, int64_t n_cells, int64_t n_done, int64_t trained_tokens,
                             int64_t evaluated_tokens, int64_t judged_requests)
    : line_(mode),
      n_cells_(n_cells),
      n_done_(n_done),
      total_work_(static_cast<double>(trained_tokens) + kEvaluatedTokenCost * static_cast<double>(evaluated_tokens)),
      total_requests_(judged_requests) {}

void ProgressBoard::take(const ProgressMessage& message) {
  trained_tokens_ += message.trained_tokens;
  work_ +=
      static_cast<double>(message.trained_tokens) + kEvaluatedTokenCost * static_cast<double>(message.evaluated_tokens);
  judged_requests_ += message.judged_requests;
  n_done_ += message.cells_done;
  n_failed_ += message.cells_failed;
  if (!message.note.empty()) line_.note(message.note);
  line_.show(text());
}

std::string ProgressBoard::text() const {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  std::string text = fmt::format("{}/{} cells", n_done_, n_cells_);
  if (n_failed_ > 0) text += fmt::format(" ({} failed)", n_failed_);
  if (trained_tokens_ > 0 && seconds > 0) {
    text += fmt::format(", {:.0f}k tokens/s", static_cast<double>(trained_tokens_) / seconds / 1000);
  }
  if (work_ > 0 && work_ < total_work_)
    text += fmt::format(", {} left", duration_text(seconds * (total_work_ - work_) / work_));
  if (judged_requests_ > 0) {
    text +=
        fmt::format(", judged {} of about {} requests", judged_requests_, std::max(total_requests_, judged_requests_));
  }
  return text;
}

void ProgressBoard::finish() {
  line_.show(text(), true);
  line_.finish();
}

}  // namespace saesweep::sweep
