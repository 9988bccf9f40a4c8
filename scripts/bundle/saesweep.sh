#!/bin/sh
# saesweep, from this bundle, with a LibTorch of this machine:
#
#   SAESWEEP_TORCH  folder of LibTorch; else torch/ beside this file (a link will do), else the active Python's
#   SAESWEEP_MPI    folder of an OpenMPI 4.x of this machine, to be used in place of the bundle's, with its own mpirun
root=$(dirname "$(readlink -f "$0")")
. "$root/libexec/torch"

die() {
  printf 'saesweep: %s\n' "$*" >&2
  exit 2
}

torch_version() { sed -n "s/^__version__ = '\([0-9.]*\).*/\1/p; s/^\([0-9][0-9.]*\).*/\1/p" "$1" | head -n 1; }

# Versions of LibTorch that differ in more than the last number differ in what programs call.
check_version() {
  for file in "$1/../version.py" "$1/../build-version"; do
    [ -r "$file" ] || continue
    here=$(torch_version "$file")
    [ "${here%.*}" = "${built%.*}" ] ||
      die "$1 is of LibTorch $here, and this program was built with $built: a LibTorch ${built%.*} is needed" \
        "(name its folder in SAESWEEP_TORCH)"
    return
  done
}

built=$(cat "$root/share/saesweep/torch-version")
if ! torch=$(find_torch); then
  [ -z "${SAESWEEP_TORCH:-}" ] ||
    die "SAESWEEP_TORCH=$SAESWEEP_TORCH: no libtorch_cpu.so there; expected a LibTorch ${built%.*}, or the folder" \
      "site-packages/torch of a Python that has it"
  die "no LibTorch found: name its folder in SAESWEEP_TORCH, or make a link to it, $root/torch, or activate a Python" \
    "with torch ${built%.*} (pip install torch==$built)"
fi
check_version "$torch"

if [ -n "${SAESWEEP_MPI:-}" ]; then
  mpi=$(library_folder "$SAESWEEP_MPI" libmpi.so.40) ||
    die "SAESWEEP_MPI=$SAESWEEP_MPI: no libmpi.so.40 there; expected the folder of an OpenMPI 4.x"
elif [ -n "${OMPI_COMM_WORLD_SIZE:-}" ] && [ -z "${SAESWEEP_BUNDLE:-}" ]; then
  die "started by an mpirun that is not the bundle's: use $root/bin/mpirun, or name the folder of that OpenMPI 4.x in" \
    "SAESWEEP_MPI"
else
  mpi=$root/openmpi/lib
  . "$root/libexec/environment"
fi

# libcurl was built for Debian's place of certificates; other systems have others.
if [ -z "${CURL_CA_BUNDLE:-}${SSL_CERT_FILE:-}" ]; then
  for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem; do
    if [ -r "$file" ]; then export SSL_CERT_FILE="$file" && break; fi
  done
fi

export LD_LIBRARY_PATH="$torch:$mpi${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$root/libexec/saesweep" "$@"
