#include "sweep/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace saesweep::sweep {

namespace {

//! Before that, a rate tells of the start alone.
constexpr double kLeastSeconds = 5;
constexpr double kReckonEvery = 1;

struct Header {
  int64_t trained_tokens;
  int64_t evaluated_tokens;
  int64_t judged_requests;
  int32_t cells_done;
  int32_t cells_failed;
  double work_begun;
  double work_done;
  double work_spared;
};

}  // namespace

std::vector<std::byte> ProgressMessage::encode() const {
  const Header header{trained_tokens, evaluated_tokens, judged_requests, cells_done,
                      cells_failed,   work_begun,       work_done,       work_spared};
  std::vector<std::byte> bytes(sizeof header + note.size());
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, note.data(), note.size());
  return bytes;
}

ProgressMessage ProgressMessage::decode(std::span<const std::byte> bytes) {
  Header header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  const auto note = bytes.subspan(sizeof header);
  return {.trained_tokens = header.trained_tokens,
          .evaluated_tokens = header.evaluated_tokens,
          .judged_requests = header.judged_requests,
          .cells_done = header.cells_done,
          .cells_failed = header.cells_failed,
          .work_begun = header.work_begun,
          .work_done = header.work_done,
          .work_spared = header.work_spared,
          .note = std::string(reinterpret_cast<const char*>(note.data()), note.size())};
}

ProgressBoard::ProgressBoard(ProgressLine::Mode mode, int64_t n_cells, int64_t n_done, double work,
                             int64_t judged_requests)
    : line_(mode),
      n_cells_(n_cells),
      n_done_(n_done),
      work_(work),
      total_requests_(judged_requests),
      seconds_left_(work_.seconds(0)) {}

void ProgressBoard::take(int rank, const ProgressMessage& message) {
  const double now = clock_.seconds();
  if (message.work_begun > 0) work_.begin(rank, message.work_begun);
  work_.take(rank, now, message.work_done, message.work_spared);
  // It looks at every rank, and messages of thousands come by the thousand a second.
  if (now >= reckoned_ + kReckonEvery) {
    seconds_left_ = work_.seconds(now);
    reckoned_ = now;
  }
  if (trained_since_) trained_tokens_ += message.trained_tokens;
  if (message.trained_tokens > 0 && !trained_since_) trained_since_ = now;
  judged_requests_ += message.judged_requests;
  n_done_ += message.cells_done;
  n_failed_ += message.cells_failed;
  if (!message.note.empty()) line_.note(message.note);
  line_.show(text());
}

std::string ProgressBoard::rate_text() const {
  const double seconds = trained_since_ ? clock_.seconds() - *trained_since_ : 0;
  if (trained_tokens_ == 0 || seconds < kLeastSeconds) return "";
  return fmt::format(", {:.0f}k tokens/s", static_cast<double>(trained_tokens_) / seconds / 1000);
}

std::string ProgressBoard::text() const {
  std::string text = fmt::format("{}/{} cells", n_done_, n_cells_);
  if (n_failed_ > 0) text += fmt::format(" ({} failed)", n_failed_);
  text += rate_text();
  if (seconds_left_ && *seconds_left_ > 0) text += fmt::format(", {} left", duration_text(*seconds_left_));
  if (judged_requests_ > 0) {
    text +=
        fmt::format(", judged {} of about {} requests", judged_requests_, std::max(total_requests_, judged_requests_));
  }
  return text;
}

void ProgressBoard::finish() {
  seconds_left_ = work_.seconds(clock_.seconds());
  line_.show(text(), true);
  line_.finish();
}

}  // namespace saesweep::sweep
