#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "h5/handle.h"

namespace saesweep::h5 {

//! Element types of datasets. kText: UTF-8 of fixed length, padded with zero bytes.
enum class Kind { kInt8, kUint8, kInt32, kInt64, kFloat32, kFloat64, kText };

struct ElementType {
  Kind kind = Kind::kFloat64;
  //! Bytes of a text; unused otherwise.
  size_t text_bytes = 0;
};

//! A box of elements: where it starts and how long it is in each dimension.
struct Slab {
  std::vector<hsize_t> start;
  std::vector<hsize_t> count;
};

//! An open dataset. Move-only. Its file must outlive it. T: int8_t, uint8_t, int32_t, int64_t, float, double;
//! HDF5 converts between T and the type in the file.
class Dataset {
 public:
  //! For File alone. `name` is for messages; `parallel` says that the file was opened with a communicator.
  Dataset(Handle id, std::string name, bool parallel);

  const std::vector<hsize_t>& dims() const { return dims_; }
  //! Bytes of one element in the file: the length of its texts, for texts.
  size_t element_bytes() const;
  Kind kind() const;

  //! Writes a slab of slab's size from `values`. Independent: any rank, at any time.
  //! Throws SystemError (StoppedError on a full disk) naming the dataset, also where sizes do not agree.
  template <typename T>
  void write_slab(const Slab& slab, std::span<const T> values);
  //! Texts; each is cut, at a character, to the dataset's length.
  void write_slab(const Slab& slab, std::span<const std::string> texts);

  //! Elements as they stand in the file, without conversion.
  void write_bytes(const Slab& slab, std::span<const std::byte> bytes);
  std::vector<std::byte> read_bytes(const Slab& slab) const;

  template <typename T>
  std::vector<T> read_slab(const Slab& slab) const;
  template <typename T>
  std::vector<T> read() const;
  std::vector<std::string> read_texts() const;

 private:
  void transfer_check(const Slab& slab, size_t n_values) const;
  Handle select(const Slab& slab) const;
  void write_raw(const Slab& slab, hid_t memory_type, const void* values);
  void read_raw(const Slab& slab, hid_t memory_type, void* values) const;
  Slab whole() const;

  Handle id_;
  std::string name_;
  bool parallel_ = false;
  std::vector<hsize_t> dims_;
};

//! The HDF5 type of an element, as it stands in the file.
Handle make_type(const ElementType& type, std::string_view object);

//! At most max_bytes of UTF-8 text, cut where no character is torn.
std::string cut_text(const std::string& text, size_t max_bytes);

}  // namespace saesweep::h5
