"""Makes a tiny random model of each family and what Hugging Face transformers computes with it.

    python3 make_goldens.py OUTPUT_FOLDER [FAMILY ...]

Needs torch and transformers; the files in this folder came from the versions that expected.json
names. Each family gets a folder:

    config.json, model.safetensors  as save_pretrained writes them
    expected.json                   prompts with their 32 greedy tokens
    expected.safetensors            logits.N: F32, (positions, vocabulary), of the prompt of N tokens:
                                    all positions of the longest prompt, the last one of the others

All arithmetic is in F32, on the CPU, with eager attention. A BF16 model's weights are rounded first.
Norm weights and biases are random too: a fresh model's ones and zeros would hide a forgotten one.
"""

import json
import pathlib
import sys
import traceback

import torch
import transformers
from safetensors.torch import save_file

VOCABULARY = 301
BLOCK = 16
PROMPTS = [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 1]
NEW_TOKENS = 32
# The second best token is at least this far below the best, relative to the largest logit.
LEAST_GAP = 2e-3

COMMON = dict(
    vocab_size=VOCABULARY,
    initializer_range=0.2,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=None,
)
LLAMA_LIKE = dict(
    COMMON,
    hidden_size=32,
    intermediate_size=56,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=256,
    rms_norm_eps=1e-5,
)
FAMILIES = {
    "llama": (
        transformers.LlamaConfig,
        dict(
            LLAMA_LIKE,
            tie_word_embeddings=False,
            rope_parameters=dict(
                rope_type="llama3",
                rope_theta=10000.0,
                factor=8.0,
                low_freq_factor=1.0,
                high_freq_factor=4.0,
                original_max_position_embeddings=128,
            ),
        ),
        torch.float32,
    ),
    "qwen2": (
        transformers.Qwen2Config,
        dict(
            LLAMA_LIKE,
            hidden_size=40,
            num_attention_heads=5,
            num_key_value_heads=1,
            tie_word_embeddings=True,
        ),
        torch.bfloat16,
    ),
    # The second of the layers looks through a window.
    "qwen2-window": (
        transformers.Qwen2Config,
        dict(
            LLAMA_LIKE,
            tie_word_embeddings=True,
            use_sliding_window=True,
            sliding_window=7,
            max_window_layers=1,
        ),
        torch.bfloat16,
    ),
    "qwen3": (
        transformers.Qwen3Config,
        dict(
            LLAMA_LIKE,
            head_dim=16,
            tie_word_embeddings=True,
            rope_parameters=dict(rope_type="default", rope_theta=1000000.0),
        ),
        torch.float32,
    ),
    "mistral": (
        transformers.MistralConfig,
        dict(
            LLAMA_LIKE,
            num_hidden_layers=3,
            sliding_window=12,
            tie_word_embeddings=False,
        ),
        torch.float32,
    ),
    # Layers with and without a window in turn: what transformers makes of a Mistral with layer_types.
    "ministral": (
        transformers.MinistralConfig,
        dict(
            LLAMA_LIKE,
            num_hidden_layers=3,
            sliding_window=12,
            head_dim=8,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
            tie_word_embeddings=False,
        ),
        torch.float32,
    ),
    # q, k and v in one weight, gate and up in another.
    "phi3": (
        transformers.Phi3Config,
        dict(
            LLAMA_LIKE,
            hidden_size=48,
            num_attention_heads=6,
            num_hidden_layers=3,
            sliding_window=12,
            original_max_position_embeddings=256,
        ),
        torch.bfloat16,
    ),
    # Norms, GELU and biases of GPT-2's kind, with rotary heads in groups and a window.
    "starcoder2": (
        transformers.Starcoder2Config,
        dict(
            COMMON,
            hidden_size=48,
            intermediate_size=56,
            num_hidden_layers=2,
            num_attention_heads=6,
            num_key_value_heads=2,
            max_position_embeddings=256,
            sliding_window=12,
        ),
        torch.float32,
    ),
    "gpt2": (
        transformers.GPT2Config,
        dict(
            COMMON,
            n_embd=32,
            n_head=2,
            n_layer=3,
            n_positions=128,
        ),
        torch.float32,
    ),
}


def tiny_model(name, seed):
    config_class, entries, dtype = FAMILIES[name]
    torch.manual_seed(seed)
    config = config_class(**entries)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    model = model.float().eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if key.endswith("bias"):
                parameter.normal_(0.0, 0.3)
            elif parameter.dim() == 1:
                parameter.normal_(1.0, 0.2)
            parameter.copy_(parameter.to(dtype).float())
    return model


@torch.no_grad()
def greedy(model, prompt):
    """Greedy tokens, which a cache must not change, and the narrowest decision."""
    ids = list(prompt)
    cache = None
    feed = prompt
    gap = float("inf")
    for _ in range(NEW_TOKENS):
        out = model(torch.tensor([feed]), past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        logits = out.logits[0, -1]
        plain = model(torch.tensor([ids]), use_cache=False).logits[0, -1]
        best = torch.topk(logits, 2).values
        gap = min(gap, float((best[0] - best[1]) / logits.abs().max()))
        token = int(logits.argmax())
        if token != int(plain.argmax()):
            return ids, 0.0  # a tie but for rounding
        ids.append(token)
        feed = [token]
    return ids[len(prompt) :], gap


@torch.no_grad()
def make(name, folder):
    for seed in range(1, 100):
        model = tiny_model(name, seed)
        generator = torch.Generator().manual_seed(seed)
        cases = []
        logits = {}
        gap = float("inf")
        for length in PROMPTS:
            prompt = torch.randint(3, VOCABULARY, (length,), generator=generator).tolist()
            tokens, narrowest = greedy(model, prompt)
            gap = min(gap, narrowest)
            cases.append(dict(prompt=prompt, greedy=tokens))
            all_logits = model(torch.tensor([prompt]), use_cache=False).logits[0]
            kept = all_logits if length == max(PROMPTS) else all_logits[-1:]
            logits["logits.%d" % length] = kept.contiguous()
            if gap < LEAST_GAP:
                break
        else:
            break
    else:
        raise ValueError("no seed separates the tokens")
    folder.mkdir(parents=True, exist_ok=True)
    model.to(FAMILIES[name][2]).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_file(logits, folder / "expected.safetensors")
    made = dict(
        torch=torch.__version__,
        transformers=transformers.__version__,
        seed=seed,
        narrowest_gap=gap,
        cases=cases,
    )
    (folder / "expected.json").write_text(json.dumps(made) + "\n")
    print(name, "seed", seed, "gap", gap)


def main():
    target = pathlib.Path(sys.argv[1])
    torch.set_num_threads(1)
    failed = False
    for name in sys.argv[2:] or FAMILIES:
        try:
            make(name, target / name)
        except Exception:
            failed = True
            print(name, "failed")
            traceback.print_exc()
    sys.exit(failed)


if __name__ == "__main__":
    main()
