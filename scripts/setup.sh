#!/usr/bin/env bash
# Sets up this checkout: Debian packages, the Python environment .venv, the build in build/.
# What is there already is left alone, so a second call takes seconds.
#
#   scripts/setup.sh [--tests] [--peers] [--no-packages] [--no-build]
#
#   --tests        also the packages that scripts/test.sh needs (clang-format, clang-tidy, chromium, patchelf, Slurm)
#   --peers        also .venv-peers (scripts/peers.sh)
#   --no-packages  installs no Debian packages: where modules or an administrator provide the libraries
#   --no-build     stops before the build
#
# PYTHON names the Python to make .venv from (3.11 or newer; default: python3, else /usr/bin/python3).
source "$(dirname "$0")/common.sh"

PACKAGES=(
  g++ cmake ninja-build ccache pkg-config git python3 python3-venv perl-doc
  libopenmpi-dev openmpi-bin libhdf5-openmpi-dev hdf5-tools libboost-program-options-dev libtomlplusplus-dev
  libfmt-dev libspdlog-dev nlohmann-json3-dev libssl-dev libpcre2-dev libutf8proc-dev zlib1g-dev libzstd-dev
  libcurl4-openssl-dev libcpp-httplib-dev libsqlite3-dev libgtest-dev libbenchmark-dev
)
TEST_PACKAGES=(clang-format clang-tidy chromium patchelf slurm-wlm munge)
with_peers='' with_packages=1 with_build=1
for argument in "$@"; do
  case $argument in
    --tests) PACKAGES+=("${TEST_PACKAGES[@]}") ;;
    --peers) with_peers=1 ;;
    --no-packages) with_packages='' ;;
    --no-build) with_build='' ;;
    -h | --help) usage && exit 0 ;;
    *) die "unknown option $argument; see --help" ;;
  esac
done

missing_packages() {
  local installed
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${PACKAGES[@]}" 2>/dev/null |
    awk '$2 == "installed" {print $1}')
  printf '%s\n' "${PACKAGES[@]}" | grep -vxF "${installed:-nothing}"
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi
}

install_packages() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -y)
  as_root dpkg --configure -a && # an interrupted call
    as_root "${apt[@]}" update &&
    as_root "${apt[@]}" install --no-install-recommends "$@"
}

packages() {
  command -v dpkg-query >/dev/null ||
    die "no Debian packages here; provide by other means: ${PACKAGES[*]}, then call with --no-packages"
  local missing
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]})) || return 0
  if ((EUID != 0)) && ! { command -v sudo >/dev/null && sudo -v; }; then
    die "missing Debian packages, and neither root nor sudo to install them. Ask for: apt-get install ${missing[*]}"
  fi
  step "Installing ${#missing[@]} Debian packages (${missing[*]})" apt.log install_packages "${missing[@]}"
}

# Debian's perl-doc has Perl's version in its path.
check_quickstart_text() {
  local sweep=sweeps/quickstart.toml pods found
  pods=$(sed -n 's|^train = "\(/usr/share/perl/.*\)/\*\.pod".*|\1|p' "$sweep")
  if [[ -n $pods && ! -d $pods ]]; then
    found=$(compgen -G '/usr/share/perl/*/pod' | tail -n 1)
    printf 'WARNING: the quickstart reads %s, which is not here (another Debian release?).\n' "$pods"
    printf '  Change %s:%s and the paths in sweeps/quickstart.held_out.txt to %s\n' "$sweep" \
      "$(grep -n '^train = ' "$sweep" | cut -d: -f1)" "${found:-the folder of perl-doc}"
  fi
}

install_python_packages() { pip_install .venv -r requirements.txt; }

exec 9>"$LOGS/setup.lock"
if ! flock -n 9; then
  echo "Another set-up of this checkout is at work; waiting for it"
  flock 9
fi
if [[ -n $with_packages ]]; then packages || exit; fi
check_quickstart_text
if ! environment_is_current .venv requirements.txt; then
  find_python >/dev/null || exit 2
  step "Making the Python environment .venv (about 5 GB)" venv.log \
    make_environment .venv install_python_packages requirements.txt || exit
fi
if [[ -n $with_peers ]]; then scripts/peers.sh || exit; fi
if [[ -n $with_build ]]; then build default || exit; fi
