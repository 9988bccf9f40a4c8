#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "h5/dataset.h"
#include "h5/handle.h"
#include "mpi/comm.h"

namespace saesweep::h5 {

//! An HDF5 file that a job writes in parallel and that any program reads at the same time.
//!
//! What is done here makes a file survive a killed job: contiguous datasets allocated at once and never filled by
//! HDF5, texts of fixed length, the file format of HDF5 1.8, one collective flush after all is created, then
//! independent writes only. One thread a process calls HDF5. Everything throws SystemError with HDF5's own text.
class File {
 public:
  //! A new file, replacing one of that name. Collective, as all that creates or sets.
  static File create(const std::filesystem::path& path, const mpi::Comm& comm);
  //! For reading and writing, by all ranks. Collective.
  static File open(const std::filesystem::path& path, const mpi::Comm& comm);
  //! For reading, by this process alone; takes no lock, so that a job may write meanwhile.
  static File open_read_only(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }

  void create_group(const std::string& path);
  //! Contents are undefined until written.
  Dataset create_dataset(const std::string& path, const ElementType& type, const std::vector<hsize_t>& dims);
  Dataset open_dataset(const std::string& path) const;
  bool has(const std::string& path) const;

  //! Attributes of a group or dataset ("/" for the file).
  void set_attribute(const std::string& object, const std::string& name, std::string_view text);
  void set_attribute(const std::string& object, const std::string& name, int64_t number);
  bool has_attribute(const std::string& object, const std::string& name) const;
  std::string text_attribute(const std::string& object, const std::string& name) const;
  int64_t number_attribute(const std::string& object, const std::string& name) const;
  std::vector<std::string> attribute_names(const std::string& object) const;

  //! Writes all to the system, and waits for every rank. Collective.
  void flush(const mpi::Comm& comm);
  //! Collective for a file opened with a communicator. Every Dataset must be gone.
  void close();
  //! Leaves the file as it is, without the collective close, where the other ranks may be gone.
  void leak() noexcept { id_.leak(); }

 private:
  File(Handle id, std::filesystem::path path, bool parallel);
  std::string name_of(const std::string& object) const;
  void write_attribute(const std::string& object, const std::string& name, hid_t type, const void* value);
  Handle open_attribute(const std::string& object, const std::string& name) const;

  Handle id_;
  std::filesystem::path path_;
  bool parallel_ = false;
};

//! Whether the file starts as an HDF5 file.
bool is_hdf5(const std::filesystem::path& path);

}  // namespace saesweep::h5
