#include "base/errors.h"
#include "h5/file.h"

namespace saesweep::h5 {

void File::write_attribute(const std::string& object, const std::string& name, hid_t type, const void* value) {
  const std::string where = name_of(object) + " attribute " + name;
  const Handle owner(check(H5Oopen(id_.get(), object.c_str(), H5P_DEFAULT), where), H5Oclose);
  const Handle space(check(H5Screate(H5S_SCALAR), where), H5Sclose);
  const Handle attribute(
      check(H5Acreate2(owner.get(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), where), H5Aclose);
  check(H5Awrite(attribute.get(), type, value), where);
}

void File::set_attribute(const std::string& object, const std::string& name, std::string_view text) {
  std::string padded(text);
  if (padded.empty()) padded.push_back('\0');  // HDF5 has no text of length 0
  const Handle type = make_type({Kind::kText, padded.size()}, name_of(object));
  write_attribute(object, name, type.get(), padded.data());
}

void File::set_attribute(const std::string& object, const std::string& name, int64_t number) {
  write_attribute(object, name, H5T_NATIVE_INT64, &number);
}

bool File::has_attribute(const std::string& object, const std::string& name) const {
  return H5Aexists_by_name(id_.get(), object.c_str(), name.c_str(), H5P_DEFAULT) > 0;
}

Handle File::open_attribute(const std::string& object, const std::string& name) const {
  const hid_t id = H5Aopen_by_name(id_.get(), object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT);
  return Handle(check(id, name_of(object) + " attribute " + name), H5Aclose);
}

std::string File::text_attribute(const std::string& object, const std::string& name) const {
  const std::string where = name_of(object) + " attribute " + name;
  const Handle attribute = open_attribute(object, name);
  const Handle type(check(H5Aget_type(attribute.get()), where), H5Tclose);
  if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) > 0) {
    throw SystemError(where + ": not a text of fixed length");
  }
  std::string text(H5Tget_size(type.get()), '\0');
  check(H5Aread(attribute.get(), type.get(), text.data()), where);
  return text.substr(0, text.find('\0'));
}

int64_t File::number_attribute(const std::string& object, const std::string& name) const {
  int64_t number = 0;
  const Handle attribute = open_attribute(object, name);
  check(H5Aread(attribute.get(), H5T_NATIVE_INT64, &number), name_of(object) + " attribute " + name);
  return number;
}

std::vector<std::string> File::attribute_names(const std::string& object) const {
  std::vector<std::string> names;
  const auto add = [](hid_t, const char* name, const H5A_info_t*, void* all) -> herr_t {
    static_cast<std::vector<std::string>*>(all)->emplace_back(name);
    return 0;
  };
  hsize_t position = 0;
  const Handle owner(check(H5Oopen(id_.get(), object.c_str(), H5P_DEFAULT), name_of(object)), H5Oclose);
  check(H5Aiterate2(owner.get(), H5_INDEX_NAME, H5_ITER_INC, &position, add, &names), name_of(object));
  return names;
}

}  // namespace saesweep::h5
