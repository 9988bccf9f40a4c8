#!/bin/sh
# OpenMPI's mpirun, from this bundle: bin/mpirun -n 64 saesweep run mine.toml
root=$(dirname "$(dirname "$(readlink -f "$0")")")
if [ -n "${SAESWEEP_MPI:-}" ]; then
  echo "mpirun: SAESWEEP_MPI=$SAESWEEP_MPI names another OpenMPI than the bundle's: use the mpirun of that one" >&2
  exit 2
fi
. "$root/libexec/environment"
export SAESWEEP_BUNDLE="$root"
# Found once for all ranks. mpirun hands on to other machines only what it is told to.
. "$root/libexec/torch"
if torch=$(find_torch); then
  export SAESWEEP_TORCH="$torch"
  set -- -x SAESWEEP_TORCH "$@"
fi
exec "$root/openmpi/bin/orterun" "$@"
