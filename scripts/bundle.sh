#!/usr/bin/env bash
# Puts the program and the shared libraries it needs, OpenMPI with them, into one folder that works wherever it is
# moved, on machines where nothing can be installed. LibTorch, CUDA and glibc (2.34 or newer) are taken from there.
#
#   scripts/bundle.sh [--build BUILD] [FOLDER]
#
#   FOLDER         the folder to make, anew where a bundle is there already (default: out/bundle)
#   --build BUILD  the build to take the program from (default: build)
#
# Then, anywhere: FOLDER/saesweep plan mine.toml; FOLDER/bin/mpirun -n 8 FOLDER/saesweep run mine.toml
# How it finds LibTorch, and what else the machines need: docs/deploy.md.
called_from=$PWD
source "$(dirname "$0")/common.sh"

build=build folder=
while (($#)); do
  case $1 in
    --build) build=${2:?--build needs a folder} && shift ;;
    -h | --help) usage && exit 0 ;;
    -*) die "unknown option $1; see --help" ;;
    *) [[ -z $folder ]] || die "one folder only; see --help"; folder=$(cd "$called_from" && realpath -m -- "$1") ;;
  esac
  shift
done
folder=${folder:-$PWD/out/bundle}

for program in patchelf ompi_info cc nm ldd cmake; do
  command -v $program >/dev/null || die "$program: not here; on Debian, scripts/setup.sh --tests installs it"
done
[[ -x $build/saesweep ]] || die "$build/saesweep: not there; build it first (scripts/setup.sh)"
python=$(find_python) || exit 2

if [[ -e $folder ]]; then
  [[ -e $folder/share/saesweep/torch-version ]] || die "$folder: is there, and is no bundle; name another folder"
fi
# Made beside and renamed: what stands at FOLDER is whole.
mkdir -p "$(dirname "$folder")" && work=$(mktemp -d "$folder.XXXXXX") || die "$folder: cannot be made"
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cmake --install "$build" --prefix "$work" >"$LOGS/bundle.log" || die "cmake --install failed; see $LOGS/bundle.log"
mkdir "$work/libexec" && mv "$work/bin/saesweep" "$work/libexec/" &&
  "$python" scripts/bundle/make_bundle.py "$work" || exit 2
rm -rf "$folder" && mv "$work" "$folder" && echo "$folder"
