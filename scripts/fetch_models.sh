#!/usr/bin/env bash
# Fetches GPT-NeoX models from the Hugging Face hub into the local hub cache, where sweep files name them as
# EleutherAI/pythia-70m or EleutherAI/pythia-70m@step3000. For a machine with network: a login node, or one whose
# cache is copied to the cluster. Configuration, tokenizer and safetensors are fetched; where a revision has weights in
# pytorch_model*.bin only, these, and they are converted to safetensors beside them.
#
#   scripts/fetch_models.sh [--dry-run] [--revision R]... [NAME[@REVISION]]...
#   scripts/fetch_models.sh --convert FOLDER...     converts pytorch_model*.bin that are there already
#
#   --dry-run     says what would be fetched and how large it is, and fetches nothing
#   --revision R  revision of the names that give none (default: main; without names, main and step0)
#
# Without names: the paper's grid, EleutherAI/pythia-70m, 160m, 410m, 1b and 6.9b, revisions main and step0.
# The cache lies in $HF_HUB_CACHE, $HUGGINGFACE_HUB_CACHE, $HF_HOME/hub or ~/.cache/huggingface/hub, as
# huggingface_hub has it. With HF_HUB_OFFLINE=1 what the cache holds is converted and nothing fetched.
CALLED_FROM=$PWD
source "$(dirname "$0")/common.sh"
case ${1:-} in
  -h | --help) usage && exit 0 ;;
esac
TOP=$PWD
[[ -x .venv/bin/python ]] || die "no .venv; call scripts/setup.sh --no-build first"
cd "$CALLED_FROM" && exec "$TOP/.venv/bin/python" "$TOP/scripts/fetch_models.py" "$@"
