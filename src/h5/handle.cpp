#include "h5/handle.h"

#include <string>
#include <utility>

#include "base/errors.h"

namespace saesweep::h5 {

namespace {

herr_t append(unsigned, const H5E_error2_t* error, void* text) {
  std::string& all = *static_cast<std::string*>(text);
  if (!error->desc || !*error->desc) return 0;
  if (!all.empty()) all += ": ";
  all += error->desc;
  return 0;
}

// HDF5's errors from the call down to the cause. Empties its stack.
std::string take_errors() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, append, &text);
  H5Eclear2(H5E_DEFAULT);
  return text.empty() ? "HDF5 failed and says nothing" : text;
}

bool says_full(const std::string& text) {
  for (const char* sign : {"No space left", "Disk quota exceeded", "MPI_ERR_NO_SPACE", "MPI_ERR_QUOTA"}) {
    if (text.find(sign) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

Handle::Handle(Handle&& other) noexcept
    : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(std::exchange(other.close_, nullptr)) {}

Handle& Handle::operator=(Handle&& other) noexcept {
  if (this != &other) {
    reset();
    id_ = std::exchange(other.id_, H5I_INVALID_HID);
    close_ = std::exchange(other.close_, nullptr);
  }
  return *this;
}

void Handle::close(std::string_view what) {
  const hid_t id = std::exchange(id_, H5I_INVALID_HID);
  if (id >= 0) check(close_(id), what);
}

void Handle::reset() noexcept {
  const hid_t id = std::exchange(id_, H5I_INVALID_HID);
  if (id >= 0) close_(id);
}

hid_t check(hid_t value, std::string_view object) {
  if (value >= 0) return value;
  const std::string text = take_errors();
  const std::string message = std::string(object) + ": " + text;
  if (says_full(text)) throw StoppedError(message + " (make room and start again: the run continues)");
  throw SystemError(message);
}

void quiet_errors() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

std::string library_version() {
  unsigned major = 0, minor = 0, release = 0;
  check(H5get_libversion(&major, &minor, &release), "H5get_libversion");
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

}  // namespace saesweep::h5
