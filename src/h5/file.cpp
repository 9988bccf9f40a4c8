#include "h5/file.h"

#include <algorithm>
#include <utility>

namespace saesweep::h5 {

namespace {

// The file format of HDF5 1.8: read by every tool, holds attributes above 64 KB (a long sweep), and, unlike later
// ones, keeps no "in use" mark that a killed writer leaves behind.
Handle parallel_access(const mpi::Comm& comm, const std::string& name) {
  Handle access(check(H5Pcreate(H5P_FILE_ACCESS), name), H5Pclose);
  check(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V18), name);
  check(H5Pset_fapl_mpio(access.get(), comm.native(), MPI_INFO_NULL), name);
  return access;
}

// With a dense index from the first attribute on, so that one of any size fits.
Handle creation_with_large_attributes(hid_t property_class, const std::string& name) {
  Handle creation(check(H5Pcreate(property_class), name), H5Pclose);
  check(H5Pset_attr_phase_change(creation.get(), 0, 0), name);
  return creation;
}

}  // namespace

File::File(Handle id, std::filesystem::path path, bool parallel)
    : id_(std::move(id)), path_(std::move(path)), parallel_(parallel) {}

File File::create(const std::filesystem::path& path, const mpi::Comm& comm) {
  quiet_errors();
  const Handle access = parallel_access(comm, path.string());
  const Handle creation = creation_with_large_attributes(H5P_FILE_CREATE, path.string());
  const hid_t id = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get());
  return File(Handle(check(id, path.string()), H5Fclose), path, true);
}

File File::open(const std::filesystem::path& path, const mpi::Comm& comm) {
  quiet_errors();
  const Handle access = parallel_access(comm, path.string());
  return File(Handle(check(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.get()), path.string()), H5Fclose), path, true);
}

File File::open_read_only(const std::filesystem::path& path) {
  quiet_errors();
  const Handle access(check(H5Pcreate(H5P_FILE_ACCESS), path.string()), H5Pclose);
  check(H5Pset_file_locking(access.get(), false, true), path.string());
  return File(Handle(check(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), path.string()), H5Fclose), path, false);
}

std::string File::name_of(const std::string& object) const {
  return path_.string() + " " + object;
}

void File::create_group(const std::string& path) {
  const std::string name = name_of(path);
  Handle group(check(H5Gcreate2(id_.get(), path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), name), H5Gclose);
  group.close(name);
}

Dataset File::create_dataset(const std::string& path, const ElementType& type, const std::vector<hsize_t>& dims) {
  const std::string name = name_of(path);
  const Handle file_type = make_type(type, name);
  const Handle space(check(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), name), H5Sclose);
  const Handle creation(check(H5Pcreate(H5P_DATASET_CREATE), name), H5Pclose);
  check(H5Pset_layout(creation.get(), H5D_CONTIGUOUS), name);
  check(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY), name);
  check(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), name);
  const hid_t id =
      H5Dcreate2(id_.get(), path.c_str(), file_type.get(), space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT);
  return Dataset(Handle(check(id, name), H5Dclose), name, parallel_);
}

Dataset File::open_dataset(const std::string& path) const {
  const std::string name = name_of(path);
  return Dataset(Handle(check(H5Dopen2(id_.get(), path.c_str(), H5P_DEFAULT), name), H5Dclose), name, parallel_);
}

bool File::has(const std::string& path) const {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    if (H5Lexists(id_.get(), path.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return false;
    if (end == std::string::npos) return true;
  }
}

void File::flush(const mpi::Comm& comm) {
  check(H5Fflush(id_.get(), H5F_SCOPE_GLOBAL), path_.string());
  comm.barrier();
}

void File::close() {
  id_.close(path_.string());
}

bool is_hdf5(const std::filesystem::path& path) {
  quiet_errors();
  return H5Fis_hdf5(path.c_str()) > 0;
}

}  // namespace saesweep::h5
