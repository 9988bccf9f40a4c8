# Sourced by submit.sh and the job scripts: settings of the site, and the life of a job that Slurm may stop.
set -uo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 4

# What slurm/site.env, or the file that SITE_ENV names, may set; site.env.example says what for.
ALL_JOBS=() RUN_JOB=() JUDGE_JOB=() SMALL_JOB=()
LAUNCH=(mpirun --bind-to none)
CONTAINER=()
SAESWEEP=$ROOT/build/saesweep
PYTHON=$ROOT/.venv/bin/python
STOP_SECONDS=120
MAX_REQUEUES=100
JUDGE_COMMAND='vllm serve "$JUDGE_MODEL" --host 0.0.0.0 --port "$JUDGE_PORT"'
JUDGE_HOST=''
JUDGE_START_SECONDS=1800
site_setup() { :; }

say() { printf '%s job %s: %s\n' "$(date '+%F %T')" "$(own_id)" "$*" >&2; }

die() {
  printf '%s: %s\n' "${SLURM_JOB_NAME:-$(basename "$0")}" "$*" >&2
  exit 2
}

# usage: prints the comment at the head of the calling script.
usage() { sed -n '2,/^[^#]/{/^#SBATCH/d;/^#/s/^# \{0,1\}//p}' "$0"; }

read_site() {
  local file=${SITE_ENV:-$ROOT/slurm/site.env}
  if [[ -e $file ]]; then
    bash -n "$file" || die "$file: is not a bash script"
    source "$file"
  elif [[ -n ${SITE_ENV:-} ]]; then
    die "$file: not there; SITE_ENV names it (slurm/site.env.example is one to copy)"
  fi
  site_setup || die "site_setup of $file failed ($?)"
  # As root, OpenMPI starts nothing unless told twice.
  if ((EUID == 0)); then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
}

# program ARGUMENT...: saesweep as one process.
program() { "${CONTAINER[@]}" "$SAESWEEP" "$@"; }

# Slurm sends USR1 to this script before the time limit and, where the site has set it up, before preemption. TERM,
# which it sends to all processes of a job that it ends, is left to them: this script only waits until they are gone.
CHILD='' STOP_SIGNAL=USR1 STOPPING='' WATCHDOG=''
begin_job() {
  trap on_usr1 USR1
  trap : TERM
  read_site
}

on_usr1() {
  [[ -z $STOPPING ]] || return 0
  STOPPING=1
  say "Slurm is about to end this job (USR1)"
  [[ -z $CHILD ]] || stop_child
}

# Asks the child to end; kills it where it does not do so in time.
stop_child() {
  [[ -z $WATCHDOG ]] || return 0
  local pid=$CHILD seconds=$((STOP_SECONDS > 40 ? STOP_SECONDS - 20 : STOP_SECONDS / 2))
  kill -"$STOP_SIGNAL" "$pid" 2>/dev/null
  { sleep "$seconds" && say "still at work after $seconds s: killed" && kill -KILL "$pid"; } &
  WATCHDOG=$!
}

# start COMMAND...: in the background, as CHILD. await_child: its exit code, through any number of signals.
start() {
  "$@" &
  CHILD=$!
  [[ -z $STOPPING ]] || stop_child # the signal came before there was a child
}

await_child() {
  while kill -0 "$CHILD" 2>/dev/null; do wait "$CHILD"; done
  wait "$CHILD"
  local code=$?
  [[ -z $WATCHDOG ]] || kill "$WATCHDOG" 2>/dev/null
  return $code
}

# This job or task. SLURM_JOB_ID of an array's last task is the array's own, and would name all tasks.
own_id() {
  local id=${SLURM_JOB_ID:-}
  [[ -z ${SLURM_ARRAY_JOB_ID:-} ]] || id=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
  echo "$id"
}

# A job that Slurm preempts without USR1 sends TERM to what srun started.
is_preempted() { scontrol show job "$(own_id)" 2>/dev/null | grep -q 'PreemptTime=[0-9]'; }

# requeue CODE: puts this job back into the queue; ends with CODE where that cannot be.
requeue() {
  local restarts=${SLURM_RESTART_COUNT:-0}
  if ((restarts >= MAX_REQUEUES)); then
    say "requeued $restarts times, MAX_REQUEUES, so not again; submitted again it goes on"
    exit "$1"
  fi
  say "put back into the queue (time $((restarts + 1)))"
  scontrol requeue "$(own_id)" && exit 3 # Slurm no longer looks at the code
  say "cannot be requeued; submitted again it goes on"
  exit "$1"
}

# run_under_mpi ARGUMENT...: saesweep on as many ranks as the job has tasks, and this script's end: the exit code is
# passed on, or the job requeued where Slurm was the one who stopped it. A run that stopped by itself (3: the judge is
# lost, the disk full) would do so again, and one that was killed may be: they are left to a person.
run_under_mpi() {
  local ranks=() code=0
  [[ -z ${SLURM_NTASKS:-} || ${#LAUNCH[@]} == 0 ]] || ranks=(-n "$SLURM_NTASKS")
  # srun within a job does not take this from the job (Slurm 22.05 and later).
  [[ ${LAUNCH[0]:-} != srun || -z ${SLURM_CPUS_PER_TASK:-} ]] || export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK
  local command=("${LAUNCH[@]}" "${ranks[@]}" "${CONTAINER[@]}" "$SAESWEEP" "$@")
  say "on ${SLURM_JOB_NODELIST:-}: ${command[*]}"
  start "${command[@]}"
  await_child || code=$?
  say "ended with exit code $code"
  if [[ -n $STOPPING ]] && ((code == 3 || code > 128)); then requeue "$code"; fi
  if ((code == 3)) && is_preempted; then requeue "$code"; fi
  # mpirun has lost a node, and may know it before Slurm does.
  if ((code == 205)); then requeue "$code"; fi
  exit "$code"
}
