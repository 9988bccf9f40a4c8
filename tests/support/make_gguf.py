#!/usr/bin/env python3
"""Writes a GPT-NeoX checkpoint of Hugging Face, with its byte-level BPE tokenizer, as a GGUF file for llama.cpp.

    .venv-servers/bin/python tests/support/make_gguf.py FOLDER FILE.gguf [--chat-template TEXT]

Weights are written in float32. llama.cpp normalizes no text: it must be in NFC already.
"""

import argparse
import json
from pathlib import Path

import gguf
import torch
from safetensors.torch import load_file

ARCHITECTURE = gguf.MODEL_ARCH.GPTNEOX
# As llama.cpp names the way text is split before BPE, by the regex of GPT-2.
SPLIT = "gpt-2"
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] + ':\\n' + message['content'] + '\\n\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:\\n' }}{% endif %}"
)


def add_shape(writer, config):
    rope = config.get("rope_parameters", config)
    head = config["hidden_size"] // config["num_attention_heads"]
    rotary = rope["partial_rotary_factor"] if "partial_rotary_factor" in rope else config["rotary_pct"]
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_parallel_residual(config["use_parallel_residual"])
    writer.add_rope_dimension_count(int(rotary * head))
    writer.add_rope_freq_base(rope["rope_theta"] if "rope_theta" in rope else config["rotary_emb_base"])


def add_tokenizer(writer, tokenizer, config, chat_template):
    model = tokenizer["model"]
    split = tokenizer["pre_tokenizer"]
    if model["type"] != "BPE" or split["type"] != "ByteLevel" or not split["use_regex"] or split["add_prefix_space"]:
        raise SystemExit("the tokenizer is no byte-level BPE that splits as GPT-2 does")
    words = {i: word for word, i in model["vocab"].items()}
    special = {token["id"]: token["content"] for token in tokenizer["added_tokens"]}
    names = [special.get(i, words.get(i, f"[UNUSED{i}]")) for i in range(config["vocab_size"])]
    kinds = [gguf.TokenType.CONTROL if i in special else gguf.TokenType.NORMAL if i in words else gguf.TokenType.UNUSED
             for i in range(config["vocab_size"])]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(SPLIT)
    writer.add_token_list(names)
    writer.add_token_types(kinds)
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(chat_template)


def queries_keys_values(tensor, n_heads):
    """Of a head each, one after the other, as Hugging Face has them: all queries, all keys, all values."""
    return tensor.unflatten(0, (n_heads, 3, -1)).transpose(0, 1).flatten(0, 2)


def add_weights(writer, weights, config):
    names = gguf.get_tensor_name_map(ARCHITECTURE, config["num_hidden_layers"])
    for key, tensor in weights.items():
        name = names.get_name(key, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise SystemExit(f"llama.cpp's GPT-NeoX has no tensor for {key}")
        if "query_key_value" in key:
            tensor = queries_keys_values(tensor, config["num_attention_heads"])
        writer.add_tensor(name, tensor.to(torch.float32).contiguous().numpy())


def make_gguf(folder, path, chat_template=CHAT_TEMPLATE):
    config = json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[ARCHITECTURE])
    add_shape(writer, config)
    add_tokenizer(writer, json.loads((folder / "tokenizer.json").read_text()), config, chat_template)
    add_weights(writer, load_file(folder / "model.safetensors"), config)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--chat-template", default=CHAT_TEMPLATE, help="Jinja; default: roles and contents on lines")
    arguments = parser.parse_args()
    make_gguf(arguments.folder, arguments.file, arguments.chat_template)
