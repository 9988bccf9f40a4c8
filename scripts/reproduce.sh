#!/usr/bin/env bash
# A sweep of the paper from nothing to its report, on a cluster with Slurm: fetches models and text, tokenizes, plans,
# and submits the judge, the runs, merge and report.
#
#   scripts/reproduce.sh MODEL [OPTION]...
#
#   MODEL            70m, 160m, 410m, 1b or 6.9b: the main grid of that Pythia; a file of sweeps/paper or
#                    sweeps/extended by its bare name, as seeds-pythia-70m; or the path of a sweep file
#   --shards N       tasks of the array, 5 by default: one a variant
#   --judge URL      asks a server that runs, as http://gpu17:8000/v1; by default a job of its own starts one
#   --lexical        the embedded judge, which knows words and no meaning: to try the chain
#   --device NAME    what the plan is made for (a100-80g)
#   --text-files N   files of the text to fetch, 230 MB each (by the token budget)
#   --set K=V        replaces a setting of the sweep, as text.train=/data/rpj/*.zst; may be given more than once
#   --here RANKS     without Slurm: so many ranks on this machine, which then takes the time of the whole
#   --dry-run        prints the steps, and does nothing
#
# Called again, it does what is left. The site's settings are slurm/site.env's. docs/reproduce.md tells each step, and
# what to do where there is no network.
source "$(dirname "${BASH_SOURCE[0]}")/../slurm/common.sh" || exit 4
cd "$ROOT" || exit 4

model='' shards=5 judge=job device=a100-80g text_files='' ranks='' dry_run='' settings=()
while (($#)); do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --lexical) judge=lexical ;;
    --dry-run) dry_run=1 ;;
    --shards | --judge | --device | --text-files | --set | --here)
      (($# > 1)) || die "$1: no value given; see --help"
      case $1 in
        --shards) shards=$2 ;;
        --judge) judge=$2 ;;
        --device) device=$2 ;;
        --text-files) text_files=$2 ;;
        --set) settings+=(--set "$2") ;;
        --here) ranks=$2 ;;
      esac
      shift
      ;;
    -*) die "unknown option $1; see --help" ;;
    *) [[ -z $model ]] && model=$1 || die "more than one model: $model, $1" ;;
  esac
  shift
done
[[ -n $model ]] || die "no model given; see --help"
for number in "$shards" "${text_files:-1}" "${ranks:-1}"; do
  [[ $number =~ ^[1-9][0-9]*$ ]] || die "found '$number', expected a number above 0; see --help"
done
read_site
"$PYTHON" -c '' 2>/dev/null || die "$PYTHON: no Python there; call scripts/setup.sh, or name one in slurm/site.env"
[[ -n ${CONTAINER[*]} || -x $SAESWEEP ]] || die "$SAESWEEP: not there; call scripts/setup.sh, or name it in slurm/site.env"

find_sweep() {
  local file
  for file in "$1" sweeps/paper/"pythia-$1".toml sweeps/paper/"$1".toml sweeps/extended/"$1".toml; do
    [[ -f $file ]] && echo "$file" && return
  done
  die "$1: no such sweep; found: 70m 160m 410m 1b 6.9b $(find sweeps/paper sweeps/extended -name '*.toml' -printf '%f ' |
    sed 's/\.toml//g')"
}
sweep=$(find_sweep "$model") || exit

case $judge in
  job) ;;
  lexical) settings+=(--set judge.kind=lexical --set 'judge.model=""' --set 'judge.endpoint_file=""') ;;
  *) settings+=(--set "judge.base_url=$judge" --set 'judge.endpoint_file=""') ;;
esac

ask() { "$PYTHON" scripts/reproduce.py "$@"; }

# Sets output, models, has_step0, tokenizer, train, has_held_out_files, text_key, store_dir, tokens.
resolved=$(program plan "$sweep" --resolved "${settings[@]}") || exit
values=$(ask settings <<<"$resolved") || die "$sweep: the resolved sweep cannot be read"
eval "$values"

step=0
say_step() { step=$((step + 1)) && printf '%d. %s\n' "$step" "$*"; }
call() {
  printf '   $ %s\n' "$(printf '%q ' "$@")"
  [[ -z $dry_run ]] || return 0
  "$@" </dev/null
}

is_on_hub() { [[ ! -e $1 && $1 =~ ^[^/]+/[^/]+$ ]]; }

# ---- models: main and, for the variant of that name, step0.
fetch_models() {
  local wanted=() missing=() name
  for name in "${models[@]}"; do
    is_on_hub "$name" || continue
    wanted+=("$name")
    [[ -z $has_step0 || $name == *@* ]] || wanted+=("$name@step0")
  done
  [[ -z ${wanted[*]} ]] || mapfile -t missing < <(ask missing "${wanted[@]}" | grep .)
  if ((${#missing[@]} == 0)); then
    say_step "Models: there: ${models[*]}"
    return
  fi
  say_step "Models: into the hub cache"
  call scripts/fetch_models.sh "${missing[@]}" ||
    die "models: fetching failed; where there is no network copy a filled hub cache (docs/reproduce.md)"
}

# ---- text: nothing to do where the sweep's files are there, or enough of those that are fetched.
TEXT=data/rpj-v2-sample
fetch_text() {
  local path part includes=() parquet=() there n=${text_files:-$((tokens / 50000000 + 1))}
  mapfile -t there < <(compgen -G "${train[0]}")
  if [[ ${train[0]} != "$ROOT/$TEXT/"* || -n ${HF_HUB_OFFLINE:-} ]]; then n=1; fi
  if ((${#there[@]} >= n)); then
    say_step "Text: there: ${train[*]}"
    return
  fi
  [[ ${train[0]} == "$ROOT/$TEXT/"* ]] || die "text: ${train[0]} is not there (text.train of $sweep)"
  n=${text_files:-$((tokens / 50000000 + 1))}
  say_step "Text: EleutherAI/rpj-v2-sample (RedPajama V2) as JSON lines, the first $n of its files"
  for ((part = 0; part < n; ++part)); do includes+=(--include "data/train-$(printf %05d "$part")-of-*.parquet"); done
  call "$(dirname "$PYTHON")/hf" download EleutherAI/rpj-v2-sample --repo-type dataset "${includes[@]}" \
    --local-dir "$TEXT/parquet" ||
    die "text: fetching failed; where there is no network copy the text (docs/reproduce.md)"
  for path in "$TEXT"/parquet/data/*.parquet; do
    [[ -e $TEXT/$(basename "$path" .parquet).jsonl.zst ]] || parquet+=("$path")
  done
  ((${#parquet[@]} == 0)) && return
  call "$PYTHON" scripts/parquet_to_jsonl.py "${parquet[@]}" -o "$TEXT" --column "$text_key" ||
    die "text: the Parquet files could not be converted"
}

# ---- tokens: one store for all sweeps of a tokenizer, made here, so that no GPU waits for it.
tokenizer_file() {
  local chosen=${tokenizer:-${models[0]}}
  if [[ -d $chosen ]]; then
    echo "$chosen/tokenizer.json"
  elif [[ -f $chosen ]]; then
    echo "$chosen"
  else
    ask tokenizer "$chosen"
  fi
}

# store_name TOKENIZER: other files, or others of the same names, have another store.
store_name() {
  { sha256sum <"$1" && compgen -G "${train[0]}" | sort | xargs -d '\n' stat -L -c '%n %s' && echo "$text_key"; } |
    sha256sum | cut -c -12
}

tokenize() {
  local file store name
  if [[ ${train[0]} == *.tokens || -n $has_held_out_files || ${#train[@]} != 1 ]]; then
    say_step "Tokens: the run makes its stores, or has them"
    return
  fi
  if [[ -n $dry_run ]]; then
    file=TOKENIZER name=HASH
  else
    file=$(tokenizer_file) && [[ -f $file ]] || die "tokens: no tokenizer.json of ${models[0]} is there"
    name=$(store_name "$file")
  fi
  store=$store_dir/$name.tokens
  say_step "Tokens: $store, unless it is there"
  [[ -e $store ]] || call "${CONTAINER[@]}" "$SAESWEEP" tokenize --tokenizer "$file" --text "${train[0]}" \
    --text-key "$text_key" --on-bad-line skip -o "$store" || die "tokens: the text could not be tokenized"
  settings+=(--set "text.train=$store")
}

# Whether all cells of the output are done, or failed.
is_done() { [[ -e $output/results.h5 ]] && program status "$output" --json 2>/dev/null | ask done 2>/dev/null; }

submit() {
  local options=(--shards "$shards") first=''
  [[ $judge != job ]] || { options+=(--judge) && first="a judge, "; }
  say_step "Slurm: ${first}runs (shards: $shards), merge, report"
  call slurm/submit.sh "$sweep" "${options[@]}" "${settings[@]}" || exit
}

run_here() {
  local code=0
  [[ $judge != job ]] || die "--here starts no judge: give --judge URL or --lexical"
  say_step "Run: here, ranks: $ranks"
  call "${LAUNCH[@]}" -n "$ranks" "${CONTAINER[@]}" "$SAESWEEP" run "$sweep" "${settings[@]}" || code=$?
  ((code <= 1)) || exit "$code"
  draw_report
}

draw_report() {
  if [[ $output/report/index.html -nt $output/results.h5 ]]; then
    say_step "Report: there: $output/report/index.html"
    return
  fi
  say_step "Report: $output/report/index.html"
  call env PYTHONPATH="$ROOT" "$PYTHON" -m analysis report "$output/results.h5" -o "$output/report" ||
    die "report: could not be drawn"
}

printf '%s%s\n' "$sweep" "${dry_run:+ (dry run)}"
fetch_models
fetch_text
tokenize
say_step "Plan for $device"
call "${CONTAINER[@]}" "$SAESWEEP" plan "$sweep" "${settings[@]}" --device "$device" --shards "$shards" || exit
if is_done; then
  draw_report
elif [[ -n $ranks ]]; then
  run_here
else
  submit
fi
