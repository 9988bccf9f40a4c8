# Sourced by the scripts beside it: steps with their times, the machine, Python environments, the build.
# They run from the top of the checkout, without standard input; tool output goes to logs under out/logs/.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 4
exec </dev/null
LOGS=out/logs
mkdir -p "$LOGS"

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 2
}

# usage: prints the comment at the head of the calling script.
usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }

# step TEXT LOG COMMAND...: one line with the step's time; where it fails, the errors in its log and the log's end.
step() {
  local text=$1 log=$LOGS/$2 start=$SECONDS status=0
  shift 2
  printf '%s ... ' "$text"
  "$@" >"$log" 2>&1 || status=$?
  printf '%s in %d s\n' "$( ((status)) && echo "FAILED ($status)" || echo done)" $((SECONDS - start))
  if ((status)); then
    {
      grep -E '(error|Error|ERROR|FAILED):? ' "$log" | grep -v '/ccache ' | head -n 20
      tail -n 20 "$log"
    } | cut -c -300 | sed 's/^/    /'
    printf '    (from %s)\n' "$log"
  fi
  return $status
}

# n_jobs: compilers at a time: CMAKE_BUILD_PARALLEL_LEVEL, else one a core and 1.5 GB of free memory each.
n_jobs() {
  if [[ -n ${CMAKE_BUILD_PARALLEL_LEVEL:-} ]]; then
    echo "$CMAKE_BUILD_PARALLEL_LEVEL"
    return
  fi
  local cores gigabytes_x2
  cores=$(nproc)
  gigabytes_x2=$(awk '/^MemAvailable/ {print int($2 / 524288)}' /proc/meminfo)
  local fit=$((gigabytes_x2 / 3))
  echo $((fit < 1 ? 1 : fit < cores ? fit : cores))
}

# find_python: a Python that the pinned packages run on: $PYTHON, else python3, else Debian's own.
find_python() {
  local python
  for python in ${PYTHON:-python3 /usr/bin/python3}; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      "$python" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  printf 'No Python 3.11 or newer with venv among: %s. Name one: PYTHON=/path/to/python3 %s\n' \
    "$(for python in ${PYTHON:-python3 /usr/bin/python3}; do printf '%s (%s) ' "$python" \
      "$("$python" --version 2>&1 | head -n 1)"; done)" "$0" >&2
  return 1
}

# The stamp stands in a finished environment and names what it was made from.
environment_is_current() {
  local folder=$1
  shift
  [[ "$(cat "$folder/.made-from" 2>/dev/null)" == "$(cat "$@" | sha256sum)" ]] && "$folder/bin/python" -c '' 2>/dev/null
}

# make_environment FOLDER INSTALL REQUIREMENTS...: an environment that INSTALL fills by FOLDER/bin/python. One that
# an interrupted call left is made anew; changed requirements are installed over a finished one.
make_environment() {
  local folder=$1 install=$2 python
  shift 2
  if ! { [[ -e $folder/.made-from ]] && "$folder/bin/python" -m pip --version; }; then
    python=$(find_python) && "$python" -m venv --clear "$folder" || return
  fi
  rm -f "$folder/.made-from"
  "$install" && cat "$@" | sha256sum >"$folder/.made-from"
}

pip_install() {
  local folder=$1
  shift
  "$folder/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off "$@"
}

# build PRESET [NINJA OPTION...]: configures and builds; a log of its own.
build() {
  local preset=$1
  shift
  step "Configuring ($preset)" "configure-$preset.log" cmake --preset "$preset" &&
    step "Building ($preset, $(n_jobs) at a time)" "build-$preset.log" \
      cmake --build --preset "$preset" -j "$(n_jobs)" -- "$@"
}

# As root, OpenMPI starts nothing unless told twice.
allow_mpi_as_root() {
  if ((EUID == 0)); then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
}
