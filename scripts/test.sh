#!/usr/bin/env bash
# Sets up this checkout as the quickstart does, then runs every test: style, include direction, CTest, the parts
# without Torch under the Address and UndefinedBehavior sanitizers, pytest. At most an hour on two cores from a
# cold clone; minutes per part stand at the end. A failed part does not stop the later ones.
#
#   scripts/test.sh
#   scripts/test.sh --long [PART]...   what takes longer; all parts, or those named:
#
#     tidy        clang-tidy on every source file
#     asan-torch  all tests under the Address and UndefinedBehavior sanitizers, Torch parts too
#     tsan        the tests of the queue and of what has threads, under the thread sanitizer
#     kills       200 kills at random moments, disks that fill up at ten fills
#     scale       schedules over up to 4,096 ranks, a million cells planned, 10,000 cells merged
#     quickstart  the whole quickstart into a fresh output, and its report
#     peers       .venv-peers, and the tests against the libraries in it
#     toy         the toy model's small sweep, and what its SAEs take beside their products
#     judge       .venv-servers, and sweeps judged by llama.cpp's server and transformers'
#
# Exit code 0 where all passed. Logs: out/logs/.
source "$(dirname "$0")/common.sh"
source scripts/test_parts.sh

LONG_PARTS=(tidy asan-torch tsan kills scale quickstart toy peers judge)

# run_part NAME SHARE_MINUTES COMMAND...: its minutes and result go into the closing table.
TABLE=() FAILED=() SILENT_FAILURES=0
run_part() {
  local name=$1 share=$2 start=$SECONDS status=0 failures_before minutes line
  shift 2
  printf '\n=== %s\n' "$name"
  failures_before=$(n_failed_tests)
  "$@" || status=$?
  minutes=$(awk -v s=$((SECONDS - start)) 'BEGIN {printf "%.1f", s / 60}')
  line=$(printf '%-26s %6s min of %3s  %s' "$name" "$minutes" "$share" "$( ((status)) && echo FAILED || echo ok)")
  if awk "BEGIN {exit !($minutes > $share)}"; then line+="  WARNING: above its share"; fi
  TABLE+=("$line")
  if ((status)); then
    FAILED+=("$name")
    (($(n_failed_tests) > failures_before)) || ((++SILENT_FAILURES))
  fi
}

count_tests() { python3 scripts/count_tests.py "$@" $(compgen -G "$RESULTS/*.xml"); }
n_failed_tests() { count_tests | tail -n 1 | sed 's/.* passed, \([0-9]*\) failed.*/\1/'; }

# The table, what failed, and the closing line; exits.
finish() {
  printf '\n=== Minutes per part\n'
  printf '%s\n' "${TABLE[@]}"
  printf '%-26s %6s min of  60\n' total "$(awk -v s=$SECONDS 'BEGIN {printf "%.1f", s / 60}')"
  if ((${#FAILED[@]})); then printf 'FAILED: %s\n' "$(printf '%s; ' "${FAILED[@]}")"; fi
  count_tests --parts-failed "$SILENT_FAILURES"
  exit $((${#FAILED[@]} > 0))
}

short() {
  clear_results
  run_part "set-up" 6 scripts/setup.sh --tests --no-build
  [[ -x .venv/bin/python ]] || finish
  run_part "build" 10 build default -k 0
  run_part "style" 3 style
  run_part "first sweep" 8 first_sweep
  run_part "models and text" 7 models_and_text
  run_part "SAE training" 6 sae_training
  run_part "auto-interpretability" 7 auto_interpretability
  run_part "scale" 8 scale
  run_part "reports" 5 reports
}

long() {
  local part
  clear_results
  run_part "set-up" 6 scripts/setup.sh --tests --no-build
  for part in "$@"; do run_part "$part" 60 "long_${part//-/_}"; done
}

case ${1:-} in
  '') short ;;
  --long)
    shift
    for part in "$@"; do
      [[ " ${LONG_PARTS[*]} " == *" $part "* ]] || die "no part '$part'; there are: ${LONG_PARTS[*]}"
    done
    (($#)) || set -- "${LONG_PARTS[@]}"
    long "$@"
    ;;
  -h | --help) usage && exit 0 ;;
  *) die "unknown option $1; see --help" ;;
esac
finish
