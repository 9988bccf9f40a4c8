#!/usr/bin/env bash
# Makes .venv-peers: the SAE libraries that results are compared with (requirements-peers.txt).
# It sees the packages of .venv, so Torch is there once. About a minute; nothing where it is current.
source "$(dirname "$0")/common.sh"
case ${1:-} in
  '') ;;
  -h | --help) usage && exit 0 ;;
  *) die "unknown option $1; see --help" ;;
esac
environment_is_current .venv requirements.txt || die "no .venv of this requirements.txt; call scripts/setup.sh first"
PYTHON=.venv/bin/python
MADE_FROM=(requirements-peers.txt requirements.txt)

packages_of() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

install_peers() {
  packages_of .venv >"$(packages_of .venv-peers)/saesweep-venv.pth" &&
    pip_install .venv-peers -r <(grep -v -- --no-deps requirements-peers.txt) &&
    pip_install .venv-peers --no-deps -r <(grep -- '^[^#].*--no-deps' requirements-peers.txt) &&
    .venv-peers/bin/python -c 'from sae_lens import SAE; from sparsify import SparseCoder'
}

if ! environment_is_current .venv-peers "${MADE_FROM[@]}"; then
  step "Making the Python environment .venv-peers" peers.log \
    make_environment .venv-peers install_peers "${MADE_FROM[@]}" || exit
fi
.venv-peers/bin/python - <<'EOF'
from importlib.metadata import version

print("Peers:", ", ".join(f"{name} {version(name)}" for name in ("eai-sparsify", "sae-lens", "eai-delphi", "torch")))
EOF
