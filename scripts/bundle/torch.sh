# Sourced by the programs of the bundle, with root set to its folder: which LibTorch of this machine is meant.

# library_folder FOLDER NAME: FOLDER, or the folder of libraries in it, that holds a library.
library_folder() {
  for folder in "$1" "$1/lib" "$1/lib64"; do
    if [ -e "$folder/$2" ]; then
      (cd "$folder" && pwd -P)
      return
    fi
  done
  return 1
}

torch_of_python() {
  for python in "${VIRTUAL_ENV:+$VIRTUAL_ENV/bin/python}" "${CONDA_PREFIX:+$CONDA_PREFIX/bin/python}" python3; do
    "${python:-false}" -c "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])" \
      2>/dev/null && return
  done
  return 1
}

# find_torch: the folder of libraries of the LibTorch named, else of that beside, else of the active Python's.
find_torch() {
  if [ -n "${SAESWEEP_TORCH:-}" ]; then
    library_folder "$SAESWEEP_TORCH" libtorch_cpu.so
  else
    library_folder "$root/torch" libtorch_cpu.so || library_folder "$(torch_of_python)" libtorch_cpu.so
  fi
}
