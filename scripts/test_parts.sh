# Sourced by test.sh: the parts. Each part is the tests of some folders of src/ (CTest labels) and some files of
# tests/python; what no other part names belongs to the first sweep, so nothing is left out.
RESULTS=$LOGS/results
# Only a run of tests clears them: --help, called by a test, must not.
clear_results() { rm -rf "$RESULTS" && mkdir -p "$RESULTS"; }
allow_mpi_as_root

MODELS_AND_TEXT_LABELS='^(model|text)$'
MODELS_AND_TEXT_FILES='test_(model|forward|logits|variants?|text|tokeni[sz]|checkpoint)[^/]*\.py$'
SAE_LABELS='^(sae|train|cuda|evaluate|metrics)$'
SAE_FILES='test_(sae|train|metrics|evaluate)[^/]*\.py$'
SCORE_LABELS='^(http|judge|autointerp)$'
REPORT_LABELS='^toy$'
SCORE_FILES='test_(autointerp|judge|prompts?)[^/]*\.py$'
SCALE_FILES='test_(resume|kills|failures|slurm|bundle|status)[^/]*\.py$'
REPORT_FILES='test_(report|analysis|figures?|toy|sweeps)[^/]*\.py$'
PEER_FILES='test_(peers|sparsify)[^/]*\.py$'
SERVER_FILES='test_real_servers\.py$'

# run_ctest NAME PRESET CTEST OPTION...
run_ctest() {
  local name=$1 preset=$2
  shift 2
  ctest --preset "$preset" -j "$(nproc)" --timeout 600 --no-tests=error --output-junit "$PWD/$RESULTS/ctest-$name.xml" "$@"
}

# run_pytest NAME PYTHON FILE...
run_pytest() {
  local name=$1 python=$2
  shift 2
  (($#)) || return 0
  "$python" -m pytest -q -rs --tb=short --color=no --junit-xml="$RESULTS/pytest-$name.xml" "$@"
}

# python_tests REGEX: the files of tests/python whose path it matches.
python_tests() { find tests/python -name 'test_*.py' | sort | grep -E "$1"; }
other_python_tests() {
  find tests/python -name 'test_*.py' | sort |
    grep -vE "$MODELS_AND_TEXT_FILES|$SAE_FILES|$SCORE_FILES|$SCALE_FILES|$REPORT_FILES|$PEER_FILES|$SERVER_FILES"
}

cpp_files() { git ls-files '*.cpp' '*.h' '*.cu' '*.cuh'; }

format_check() { cpp_files | xargs -r clang-format --dry-run -Werror; }

# Only the thread sanitizer's build compiles the excluded ones.
TIDY_SOURCES=('src/*.cpp' 'tests/*.cpp' 'bench/*.cpp' ':!tests/support/tsan_*.cpp')

# tidy_files SECONDS FILE...: clang-tidy, one file a core, until the time is over; says how many were left.
tidy_files() {
  local seconds=$1 status=0
  shift
  (($#)) || return 0
  cmake --preset tidy >"$LOGS/configure-tidy.log" 2>&1 || { tail "$LOGS/configure-tidy.log" && return 1; }
  : >"$LOGS/tidy-done.txt"
  printf '%s\n' "$@" | timeout "$seconds" xargs -P "$(nproc)" -I{} sh -c \
    'clang-tidy --quiet -p build-tidy {} 2>>'"$LOGS"'/tidy.log; status=$?; echo {} >>'"$LOGS"'/tidy-done.txt; exit $status' ||
    status=$?
  printf 'clang-tidy: %d of %d files checked\n' "$(wc -l <"$LOGS/tidy-done.txt")" $#
  ((status == 124)) && printf 'WARNING: clang-tidy was out of time; scripts/test.sh --long tidy checks all\n' && return 0
  return $status
}

# Source files that differ from where the branch left origin/main, uncommitted ones too.
changed_sources() {
  local base
  base=$(git merge-base origin/main HEAD 2>/dev/null) || return 0
  git diff --name-only --diff-filter=d "$base" -- "${TIDY_SOURCES[@]}"
}

style() {
  local status=0 changed
  printf 'clang-format ... '
  if format_check; then echo ok; else status=1; fi
  mapfile -t changed < <(changed_sources)
  tidy_files 120 "${changed[@]}" || status=1
  run_pytest layering .venv/bin/python tests/layering_test.py || status=1
  return $status
}

first_sweep() {
  local status=0 files
  run_ctest first-sweep default -LE "$MODELS_AND_TEXT_LABELS|$SAE_LABELS|$SCORE_LABELS|$REPORT_LABELS" || status=1
  mapfile -t files < <(other_python_tests)
  run_pytest first-sweep .venv/bin/python "${files[@]}" || status=1
  peers_if_there || status=1
  { build asan && run_ctest asan asan; } || status=1
  return $status
}

models_and_text() {
  local status=0 files
  run_ctest models-and-text default -L "$MODELS_AND_TEXT_LABELS" || status=1
  mapfile -t files < <(python_tests "$MODELS_AND_TEXT_FILES")
  run_pytest models-and-text .venv/bin/python "${files[@]}" || status=1
  return $status
}

sae_training() {
  local status=0 files
  run_ctest sae-training default -L "$SAE_LABELS" || status=1
  mapfile -t files < <(python_tests "$SAE_FILES")
  run_pytest sae-training .venv/bin/python "${files[@]}" || status=1
  return $status
}

auto_interpretability() {
  local status=0 files
  run_ctest auto-interpretability default -L "$SCORE_LABELS" || status=1
  mapfile -t files < <(python_tests "$SCORE_FILES")
  run_pytest auto-interpretability .venv/bin/python "${files[@]}" || status=1
  return $status
}

scale() {
  local files
  mapfile -t files < <(python_tests "$SCALE_FILES")
  run_pytest scale .venv/bin/python "${files[@]}"
}

reports() {
  local status=0 files
  run_ctest reports default -L "$REPORT_LABELS" || status=1
  mapfile -t files < <(python_tests "$REPORT_FILES")
  run_pytest reports .venv/bin/python "${files[@]}" || status=1
  return $status
}

peers_if_there() {
  local files
  [[ -e .venv-peers/.made-from ]] || return 0
  mapfile -t files < <(python_tests "$PEER_FILES")
  run_pytest peers .venv-peers/bin/python "${files[@]}"
}

long_tidy() {
  local files
  mapfile -t files < <(git ls-files -- "${TIDY_SOURCES[@]}")
  tidy_files 3600 "${files[@]}"
}

long_asan_torch() { build asan-torch && run_ctest asan-torch asan-torch; }

long_tsan() { build tsan && run_ctest tsan tsan; }

long_kills() { build default saesweep && SAESWEEP_LONG=1 run_pytest kills .venv/bin/python -s tests/python/test_kills.py; }

# Schedules up to 4,096 ranks, a million cells planned, 10,000 cells merged.
long_scale() {
  build default saesweep schedule merge &&
    build/bench/schedule && build/bench/schedule --cells 1000000 && build/bench/merge
}

long_quickstart() { scripts/quickstart.sh --fresh && [[ -s out/quickstart/report/index.html ]]; }

# What the toy takes beside its products, and the small sweep.
long_toy() {
  build default saesweep bench/toy && build/bench/toy && build/saesweep toy sweeps/toy-small.toml --fresh
}

# Some of these tests ask programs of tests/ and bench/.
long_peers() { build default && scripts/peers.sh && peers_if_there; }

long_judge() {
  local files
  mapfile -t files < <(python_tests "$SERVER_FILES")
  build default saesweep && scripts/judge_servers.sh && run_pytest judge .venv-servers/bin/python "${files[@]}"
}
