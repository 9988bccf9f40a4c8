#!/usr/bin/env bash
# From a fresh Debian machine to a report: sets up this checkout (scripts/setup.sh), trains and measures the SAEs of
# sweeps/quickstart.toml on two MPI ranks, and draws out/quickstart/report/index.html.
#
#   scripts/quickstart.sh [OPTION OF saesweep run]...      for instance --fresh
#
# Called again, it goes on where it was stopped. Exit code: that of saesweep run.
source "$(dirname "$0")/common.sh"
case ${1:-} in
  -h | --help) usage && exit 0 ;;
esac
OUTPUT=out/quickstart

scripts/setup.sh || exit
allow_mpi_as_root
ranks=$(($(nproc) < 2 ? 1 : 2))
command=(mpirun --bind-to none -n "$ranks" build/saesweep run sweeps/quickstart.toml "$@")
printf 'Running the sweep: %s\n' "${command[*]}"
status=0
"${command[@]}" || status=$?
if ((status > 1)); then # 1: some cells failed, the report says which
  printf 'The sweep ended with exit code %d' $status >&2
  ((status == 3)) && printf ' (stopped early; the same command goes on)' >&2
  printf '\n' >&2
  exit $status
fi
step "Drawing the report" report.log \
  .venv/bin/python -m analysis report "$OUTPUT/results.h5" -o "$OUTPUT/report" || exit
printf 'Open in a browser: %s\n' "$PWD/$OUTPUT/report/index.html"
exit $status
