#pragma once

#include <hdf5.h>

#include <string>
#include <string_view>

namespace saesweep::h5 {

//! An HDF5 identifier, closed at the end of its life. Move-only.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);

  Handle() = default;
  Handle(hid_t id, Close closer) : id_(id), close_(closer) {}
  ~Handle() { reset(); }
  Handle(Handle&& other) noexcept;
  Handle& operator=(Handle&& other) noexcept;

  hid_t get() const { return id_; }
  //! Closes it now. Throws SystemError naming `what` where HDF5 cannot.
  void close(std::string_view what);
  //! Forgets the identifier without closing it.
  void leak() noexcept { id_ = H5I_INVALID_HID; }

 private:
  void reset() noexcept;

  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

//! The value itself where it is no failure (not negative). Otherwise throws SystemError
//! "<object>: <HDF5's own errors>", or StoppedError where these say that the disk is full.
//! `object`: file, or file and path inside it.
hid_t check(hid_t value, std::string_view object);

//! Stops HDF5 from printing errors: check() reports them.
void quiet_errors();

//! Version of the HDF5 library, as 1.10.8.
std::string library_version();

}  // namespace saesweep::h5
