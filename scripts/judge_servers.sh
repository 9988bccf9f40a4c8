#!/usr/bin/env bash
# Makes .venv-servers: the servers that tests ask as judges (requirements-servers.txt).
# It sees the packages of .venv, so Torch is there once. llama.cpp is compiled, about ten minutes on one core, and kept
# by pip; nothing where it is current. CMAKE_BUILD_PARALLEL_LEVEL: compilers at a time.
source "$(dirname "$0")/common.sh"
case ${1:-} in
  '') ;;
  -h | --help) usage && exit 0 ;;
  *) die "unknown option $1; see --help" ;;
esac
environment_is_current .venv requirements.txt || die "no .venv of this requirements.txt; call scripts/setup.sh first"
PYTHON=.venv/bin/python
MADE_FROM=(requirements-servers.txt requirements.txt)

packages_of() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

# For any x86-64 CPU with AVX2, as pip keeps what it compiled; without what the server does not need.
LLAMA_CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_OPENMP=OFF -DGGML_LLAMAFILE=OFF -DLLAVA_BUILD=OFF -DLLAMA_OPENSSL=OFF"

install_servers() {
  packages_of .venv >"$(packages_of .venv-servers)/saesweep-venv.pth" &&
    CMAKE_ARGS=$LLAMA_CMAKE_ARGS CMAKE_BUILD_PARALLEL_LEVEL=$(n_jobs) \
      pip_install .venv-servers -v -r requirements-servers.txt &&
    .venv-servers/bin/python -c 'import accelerate, gguf, llama_cpp.server.app, openai'
}

if ! environment_is_current .venv-servers "${MADE_FROM[@]}"; then
  step "Making the Python environment .venv-servers (compiles llama.cpp)" judge-servers.log \
    make_environment .venv-servers install_servers "${MADE_FROM[@]}" || exit
fi
.venv-servers/bin/python - <<'PYTHON'
from importlib.metadata import version

names = ("llama-cpp-python", "transformers", "gguf", "fastapi", "uvicorn", "openai", "torch")
print("Servers:", ", ".join(f"{name} {version(name)}" for name in names))
PYTHON
