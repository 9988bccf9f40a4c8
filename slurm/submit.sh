#!/usr/bin/env bash
# Submits a sweep to Slurm: the jobs that train and measure, and after them merge and report; with --judge a judge's
# server before them, which is taken down when they have ended, however they end.
#
#   slurm/submit.sh SWEEP [OPTION]...
#
#   --shards N       an array of N tasks, each with a shard of the sweep, and a merge (default: one MPI job, no merge)
#   --at-once M      at most M tasks of the array at a time
#   --judge          a job for the judge, whose address goes into the file that [judge] endpoint_file of SWEEP names
#   --set K=V        replaces a setting of the sweep; may be given more than once
#   --retry-failed   runs failed cells again
#   --dry-run        prints the calls of sbatch, and submits nothing
#
# The site's partition, account, modules and so on stand in slurm/site.env (a copy of slurm/site.env.example), or in the
# file that SITE_ENV names. Called again, also after a failure or scancel, it goes on with what is missing. Paths in
# SWEEP are relative to the current directory. Logs: OUTPUT/slurm/.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh" || exit 4

sweep='' shards='' at_once='' with_judge='' dry_run='' settings=() run_options=()
while (($#)); do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --judge) with_judge=1 ;;
    --dry-run) dry_run=1 ;;
    --retry-failed) run_options+=("$1") ;;
    --shards | --at-once | --set)
      (($# > 1)) || die "$1: no value given; see --help"
      case $1 in
        --shards) shards=$2 ;;
        --at-once) at_once=$2 ;;
        --set) settings+=(--set "$2") ;;
      esac
      shift
      ;;
    -*) die "unknown option $1; see --help" ;;
    *) [[ -z $sweep ]] && sweep=$1 || die "more than one sweep file: $sweep, $1" ;;
  esac
  shift
done
[[ -n $sweep ]] || die "no sweep file given; see --help"
[[ ${shards:-1} =~ ^[1-9][0-9]*$ ]] || die "--shards: found '$shards', expected a number of shards, as 16"
[[ ${at_once:-1} =~ ^[1-9][0-9]*$ ]] || die "--at-once: found '$at_once', expected a number of tasks, as 8"
[[ -z $at_once || -n $shards ]] || die "--at-once goes with --shards"
read_site
command -v sbatch >/dev/null || die "sbatch is not on PATH: this is to be called where Slurm's commands are"

# resolved TABLE KEY: a string of the resolved sweep.
resolved() {
  awk -v table="[$1]" -v key="$2" '/^\[/ {here = $0 == table} here && $1 == key && $2 == "=" {
    sub(/^[^=]*= *["\x27]/, ""); sub(/["\x27][ \t]*$/, ""); print; exit}' <<<"$RESOLVED"
}
absolute() { [[ $1 == /* ]] && echo "$1" || echo "$PWD/$1"; }

RESOLVED=$(program plan "$sweep" --resolved "${settings[@]}") || exit
output=$(absolute "$(resolved sweep output)")
name=$(resolved sweep name)
endpoint=$(resolved judge endpoint_file)
if [[ -n $with_judge && -z $endpoint ]]; then
  die "--judge: $sweep has no endpoint_file in [judge], in which the runs would look for the judge's address; add
  kind = \"openai\", model = \"...\" and endpoint_file = \"$output/judge.endpoint\""
fi
logs=$output/slurm
[[ -n $dry_run ]] || mkdir -p "$logs" || die "$logs: cannot be made"

# What an earlier call submitted and is still in the queue; two jobs at a time would only wait for each other.
earlier() {
  [[ -e $logs/jobs ]] || return 0
  squeue --me -h -o %A | sort -u | grep -xF -f "$logs/jobs" | paste -sd:
}

# submit VARIABLE JOB DEPENDENCY SBATCH_ARGUMENT...: submits, and sets VARIABLE to the job's id. DEPENDENCY may be ''.
SUBMITTED=()
submit() {
  local -n id=$1
  local job=$2 dependency=$3 log='%j'
  shift 3
  [[ $* != *--array=* ]] || log='%A_%a'
  local command=(sbatch --parsable --export=ALL --job-name="$name-$job" --output="$logs/$job-$log.log"
    ${dependency:+--dependency="$dependency"} "${ALL_JOBS[@]}" "$@")
  if [[ -n $dry_run ]]; then
    id="<$job>"
    printf '%q ' "${command[@]}" && echo
    return
  fi
  if ! id=$("${command[@]}"); then
    ((${#SUBMITTED[@]} == 0)) || scancel "${SUBMITTED[@]}"
    die "job '$job' was not accepted; nothing stays submitted"
  fi
  id=${id%%;*} # a federation adds its name
  SUBMITTED+=("$id")
}

export SAESWEEP_ROOT=$ROOT SHARDS=${shards:-1} SITE_ENV=${SITE_ENV:+$(absolute "$SITE_ENV")}
[[ -n $SITE_ENV ]] || unset SITE_ENV
stops=(--signal="B:USR1@$STOP_SECONDS")
before=$(earlier)
after=${before:+afterany:$before}
judge='' run='' merge='' report='' judge_down=''

if [[ -n $with_judge ]]; then
  submit judge judge "$after" "${stops[@]}" "${JUDGE_JOB[@]}" "$ROOT/slurm/judge.sbatch" \
    "$(absolute "$endpoint")" "$(resolved judge model)"
  after=${after:+$after,}after:$judge
fi
if [[ -n $shards ]]; then
  submit run run "$after" --array="0-$((shards - 1))${at_once:+%$at_once}" "${stops[@]}" "${RUN_JOB[@]}" \
    "$ROOT/slurm/array.sbatch" "$sweep" "${settings[@]}" "${run_options[@]}"
else
  submit run run "$after" "${stops[@]}" "${RUN_JOB[@]}" \
    "$ROOT/slurm/sweep.sbatch" "$sweep" "${settings[@]}" "${run_options[@]}"
fi
# Not after the report: the judge's GPUs are free once nobody asks it.
if [[ -n $with_judge ]]; then
  submit judge_down judge-down "afterany:$run" "${SMALL_JOB[@]}" --wrap "scancel $judge"
fi
if [[ -n $shards ]]; then
  submit merge merge "afterany:$run" "${SMALL_JOB[@]}" "$ROOT/slurm/merge.sbatch" "$output"
fi
submit report report "afterany:${merge:-$run}" "${SMALL_JOB[@]}" "$ROOT/slurm/report.sbatch" \
  "$output/results.h5" "$output/report"
[[ -z $dry_run ]] || exit 0

printf '%s\n' "${SUBMITTED[@]}" >>"$logs/jobs"
ids=$(IFS=, && echo "${SUBMITTED[*]}")
[[ -z $before ]] ||
  echo "These jobs begin when those of an earlier call have ended (or are ended: scancel ${before//:/ })"
[[ -z $judge ]] || echo "judge:      $judge"
echo "run:        $run${shards:+ (array of $shards)}"
[[ -z $judge ]] || echo "judge down: $judge_down"
[[ -z $merge ]] || echo "merge:      $merge"
echo "report:     $report -> $output/report/index.html"
echo "Watch:      squeue -j $ids"
echo "            ${CONTAINER[*]:+${CONTAINER[*]} }$SAESWEEP status $output --watch"
echo "Logs:       $logs"
echo "Stop:       scancel ${ids//,/ } (the same call of submit.sh goes on)"
