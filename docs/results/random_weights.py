#!/usr/bin/env python3
"""Writes a Llama 3 8B with random weights in Hugging Face form: BF16, 16 GB in four shards.

    random_weights.py FOLDER [LAYERS]

To measure what a start takes (`./millrace bench --workload start --model FOLDER`), not to read: weights are one block of
normal numbers again and again, begun at other places. The tokenizer is a byte-level BPE of as many tokens as Llama's,
of made-up merges. Needs no library; with LAYERS, fewer than 32 of them.
"""
import json
import os
import random
import struct
import sys
import threading

HIDDEN, INNER, HEADS, KV_HEADS, HEAD, VOCABULARY = 4096, 14336, 32, 8, 128, 128256
BLOCK_NUMBERS = (1 << 20) + 1  # odd, so that rows differ
SHARDS = 4


def tensors(layers):
    yield "model.embed_tokens.weight", [VOCABULARY, HIDDEN]
    for i in range(layers):
        layer = f"model.layers.{i}."
        yield layer + "input_layernorm.weight", [HIDDEN]
        yield layer + "mlp.down_proj.weight", [HIDDEN, INNER]
        yield layer + "mlp.gate_proj.weight", [INNER, HIDDEN]
        yield layer + "mlp.up_proj.weight", [INNER, HIDDEN]
        yield layer + "post_attention_layernorm.weight", [HIDDEN]
        yield layer + "self_attn.k_proj.weight", [KV_HEADS * HEAD, HIDDEN]
        yield layer + "self_attn.o_proj.weight", [HIDDEN, HEADS * HEAD]
        yield layer + "self_attn.q_proj.weight", [HEADS * HEAD, HIDDEN]
        yield layer + "self_attn.v_proj.weight", [KV_HEADS * HEAD, HIDDEN]
    yield "model.norm.weight", [HIDDEN]
    yield "lm_head.weight", [VOCABULARY, HIDDEN]


def numbers():
    """Bytes of the block, twice: a run of one block's length can begin anywhere in the first."""
    draw = random.Random(1)
    floats = [draw.gauss(0, 0.02) for _ in range(1 << 16)]
    words = [struct.unpack("<I", struct.pack("<f", x))[0] >> 16 for x in floats]
    picked = draw.choices(words, k=BLOCK_NUMBERS)
    return struct.pack(f"<{BLOCK_NUMBERS}H", *picked) * 2


def write_shard(path, part, block):
    header, at = {}, 0
    for name, shape in part:
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    draw = random.Random(os.path.basename(path))
    view = memoryview(block)
    with open(path, "wb", buffering=0) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in part:
            begin, end = header[name]["data_offsets"]
            left = end - begin
            if len(shape) == 1:
                file.write(struct.pack("<H", 0x3F80) * (left // 2))
                continue
            start = 2 * draw.randrange(BLOCK_NUMBERS)
            while left > 0:
                left -= file.write(view[start : start + min(left, 2 * BLOCK_NUMBERS)])


def byte_letters():
    """What byte-level BPE writes a byte as."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, more = {byte: chr(byte) for byte in shown}, 0
    for byte in range(256):
        if byte not in letters:
            letters[byte] = chr(256 + more)
            more += 1
    return [letters[byte] for byte in range(256)]


def tokenizer():
    draw = random.Random(2)
    words = byte_letters()
    vocabulary = {word: i for i, word in enumerate(words)}
    merges = []
    while len(words) < VOCABULARY - 256:
        left, right = words[int(len(words) * draw.random() ** 2)], words[draw.randrange(256)]
        if left + right not in vocabulary:
            merges.append([left, right])
            vocabulary[left + right] = len(words)
            words.append(left + right)
    added = [
        {"id": len(words) + i, "content": f"<|reserved_{i}|>", "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for i in range(256)
    ]  # fmt: skip
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": True,
             "vocab": vocabulary, "merges": merges}  # fmt: skip
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
            "pre_tokenizer": level, "post_processor": None, "decoder": level, "model": model}  # fmt: skip


def main():
    folder, layers = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 32
    os.makedirs(folder, exist_ok=True)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16", "hidden_size": HIDDEN,
        "num_hidden_layers": layers, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": HEAD,
        "intermediate_size": INNER, "vocab_size": VOCABULARY, "max_position_embeddings": 8192, "rope_theta": 500000.0,
        "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": False,
    }  # fmt: skip
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file)
    block, all_tensors = numbers(), list(tensors(layers))
    per = -(-len(all_tensors) // SHARDS)
    names, writers = {}, []
    for i in range(SHARDS):
        file = f"model-{i + 1:05d}-of-{SHARDS:05d}.safetensors"
        part = all_tensors[i * per : (i + 1) * per]
        names.update((name, file) for name, _ in part)
        writers.append(threading.Thread(target=write_shard, args=(os.path.join(folder, file), part, block)))
        writers[-1].start()
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as file:
        json.dump({"metadata": {}, "weight_map": names}, file)
    with open(os.path.join(folder, "tokenizer.json"), "w") as file:
        json.dump(tokenizer(), file)
    for writer in writers:
        writer.join()


main()
