#include "h5/dataset.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>
#include <type_traits>

#include "base/errors.h"

namespace saesweep::h5 {

namespace {

template <typename T>
hid_t memory_type() {
  if constexpr (std::is_same_v<T, int8_t>) {
    return H5T_NATIVE_INT8;
  } else if constexpr (std::is_same_v<T, uint8_t>) {
    return H5T_NATIVE_UINT8;
  } else if constexpr (std::is_same_v<T, int32_t>) {
    return H5T_NATIVE_INT32;
  } else if constexpr (std::is_same_v<T, int64_t>) {
    return H5T_NATIVE_INT64;
  } else if constexpr (std::is_same_v<T, float>) {
    return H5T_NATIVE_FLOAT;
  } else {
    static_assert(std::is_same_v<T, double>);
    return H5T_NATIVE_DOUBLE;
  }
}

hid_t file_type(Kind kind) {
  switch (kind) {
    case Kind::kInt8:
      return H5T_STD_I8LE;
    case Kind::kUint8:
      return H5T_STD_U8LE;
    case Kind::kInt32:
      return H5T_STD_I32LE;
    case Kind::kInt64:
      return H5T_STD_I64LE;
    case Kind::kFloat32:
      return H5T_IEEE_F32LE;
    case Kind::kFloat64:
      return H5T_IEEE_F64LE;
    case Kind::kText:
      return H5T_C_S1;
  }
  throw SystemError("HDF5: no such element type");
}

size_t product(const std::vector<hsize_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), size_t{1}, std::multiplies<>());
}

}  // namespace

std::string cut_text(const std::string& text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

Handle make_type(const ElementType& type, std::string_view object) {
  Handle id(check(H5Tcopy(file_type(type.kind)), object), H5Tclose);
  if (type.kind != Kind::kText) return id;
  check(H5Tset_size(id.get(), type.text_bytes), object);
  check(H5Tset_strpad(id.get(), H5T_STR_NULLPAD), object);
  check(H5Tset_cset(id.get(), H5T_CSET_UTF8), object);
  return id;
}

Dataset::Dataset(Handle id, std::string name, bool parallel)
    : id_(std::move(id)), name_(std::move(name)), parallel_(parallel) {
  const Handle space(check(H5Dget_space(id_.get()), name_), H5Sclose);
  dims_.resize(static_cast<size_t>(check(H5Sget_simple_extent_ndims(space.get()), name_)));
  check(H5Sget_simple_extent_dims(space.get(), dims_.data(), nullptr), name_);
}

size_t Dataset::element_bytes() const {
  const Handle type(check(H5Dget_type(id_.get()), name_), H5Tclose);
  return H5Tget_size(type.get());
}

Kind Dataset::kind() const {
  const Handle type(check(H5Dget_type(id_.get()), name_), H5Tclose);
  if (H5Tget_class(type.get()) == H5T_STRING) return Kind::kText;
  for (const Kind kind : {Kind::kInt8, Kind::kUint8, Kind::kInt32, Kind::kInt64, Kind::kFloat32, Kind::kFloat64}) {
    if (H5Tequal(type.get(), file_type(kind)) > 0) return kind;
  }
  throw SystemError(name_ + ": a type that this program does not write");
}

Slab Dataset::whole() const {
  return {std::vector<hsize_t>(dims_.size(), 0), dims_};
}

void Dataset::transfer_check(const Slab& slab, size_t n_values) const {
  if (slab.start.size() != dims_.size() || slab.count.size() != dims_.size()) {
    throw SystemError(name_ + ": a slab of " + std::to_string(slab.start.size()) + " dimensions, the dataset has " +
                      std::to_string(dims_.size()));
  }
  for (size_t i = 0; i < dims_.size(); ++i) {
    if (slab.start[i] + slab.count[i] <= dims_[i]) continue;
    throw SystemError(name_ + ": elements " + std::to_string(slab.start[i]) + " to " +
                      std::to_string(slab.start[i] + slab.count[i]) + " of dimension " + std::to_string(i) +
                      ", whose length is " + std::to_string(dims_[i]));
  }
  if (product(slab.count) != n_values) {
    throw SystemError(name_ + ": " + std::to_string(n_values) + " values for a slab of " +
                      std::to_string(product(slab.count)));
  }
}

Handle Dataset::select(const Slab& slab) const {
  Handle space(check(H5Dget_space(id_.get()), name_), H5Sclose);
  check(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, slab.start.data(), nullptr, slab.count.data(), nullptr),
        name_);
  return space;
}

void Dataset::write_raw(const Slab& slab, hid_t memory, const void* values) {
  if (product(slab.count) == 0) return;
  const Handle file_space = select(slab);
  const Handle memory_space(
      check(H5Screate_simple(static_cast<int>(slab.count.size()), slab.count.data(), nullptr), name_), H5Sclose);
  const Handle transfer(check(H5Pcreate(H5P_DATASET_XFER), name_), H5Pclose);
  if (parallel_) check(H5Pset_dxpl_mpio(transfer.get(), H5FD_MPIO_INDEPENDENT), name_);
  check(H5Dwrite(id_.get(), memory, memory_space.get(), file_space.get(), transfer.get(), values), name_);
}

void Dataset::read_raw(const Slab& slab, hid_t memory, void* values) const {
  if (product(slab.count) == 0) return;
  const Handle file_space = select(slab);
  const Handle memory_space(
      check(H5Screate_simple(static_cast<int>(slab.count.size()), slab.count.data(), nullptr), name_), H5Sclose);
  check(H5Dread(id_.get(), memory, memory_space.get(), file_space.get(), H5P_DEFAULT, values), name_);
}

template <typename T>
void Dataset::write_slab(const Slab& slab, std::span<const T> values) {
  transfer_check(slab, values.size());
  write_raw(slab, memory_type<T>(), values.data());
}

void Dataset::write_slab(const Slab& slab, std::span<const std::string> texts) {
  transfer_check(slab, texts.size());
  const size_t width = element_bytes();
  std::string packed(width * texts.size(), '\0');
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string kept = cut_text(texts[i], width);
    std::memcpy(packed.data() + i * width, kept.data(), kept.size());
  }
  const Handle type = make_type({Kind::kText, width}, name_);
  write_raw(slab, type.get(), packed.data());
}

void Dataset::write_bytes(const Slab& slab, std::span<const std::byte> bytes) {
  const size_t width = element_bytes();
  transfer_check(slab, bytes.size() / width);
  const Handle type(check(H5Dget_type(id_.get()), name_), H5Tclose);
  write_raw(slab, type.get(), bytes.data());
}

std::vector<std::byte> Dataset::read_bytes(const Slab& slab) const {
  std::vector<std::byte> bytes(product(slab.count) * element_bytes());
  transfer_check(slab, product(slab.count));
  const Handle type(check(H5Dget_type(id_.get()), name_), H5Tclose);
  read_raw(slab, type.get(), bytes.data());
  return bytes;
}

template <typename T>
std::vector<T> Dataset::read_slab(const Slab& slab) const {
  std::vector<T> values(product(slab.count));
  transfer_check(slab, values.size());
  read_raw(slab, memory_type<T>(), values.data());
  return values;
}

template <typename T>
std::vector<T> Dataset::read() const {
  return read_slab<T>(whole());
}

std::vector<std::string> Dataset::read_texts() const {
  const size_t width = element_bytes();
  std::string packed(width * product(dims_), '\0');
  const Handle type = make_type({Kind::kText, width}, name_);
  read_raw(whole(), type.get(), packed.data());
  std::vector<std::string> texts;
  for (size_t at = 0; at < packed.size(); at += width) {
    const char* start = packed.data() + at;
    texts.emplace_back(start, std::find(start, start + width, '\0'));
  }
  return texts;
}

#define SAESWEEP_H5_NUMBER(T)                                            \
  template void Dataset::write_slab<T>(const Slab&, std::span<const T>); \
  template std::vector<T> Dataset::read_slab<T>(const Slab&) const;      \
  template std::vector<T> Dataset::read<T>() const
SAESWEEP_H5_NUMBER(int8_t);
SAESWEEP_H5_NUMBER(uint8_t);
SAESWEEP_H5_NUMBER(int32_t);
SAESWEEP_H5_NUMBER(int64_t);
SAESWEEP_H5_NUMBER(float);
SAESWEEP_H5_NUMBER(double);
#undef SAESWEEP_H5_NUMBER

}  // namespace saesweep::h5
