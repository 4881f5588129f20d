"""Shared by the make_*.py scripts: seeded tiny Llama models and the golden writers."""
import json, os, sys, tempfile
import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

os.environ.setdefault("HF_HUB_OFFLINE", "1")
OUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = os.environ.get("QUANT_WORK", os.path.join(tempfile.gettempdir(), "quant-work"))
PROMPT = [1, 17, 93, 44, 101, 8, 50, 66]
torch.set_num_threads(1)

def base(name, dtype, hidden=128, inter=256, layers=1, vocab=32, heads=4, kv=2, seed=7, zero_rows=True):
    """A seeded random Llama, saved to WORK/name in dtype. Rows get unequal sizes so that scales differ."""
    torch.manual_seed(seed)
    cfg = LlamaConfig(hidden_size=hidden, intermediate_size=inter, num_hidden_layers=layers,
                      num_attention_heads=heads, num_key_value_heads=kv, vocab_size=vocab,
                      tie_word_embeddings=False, max_position_embeddings=256, rms_norm_eps=1e-5,
                      bos_token_id=1, eos_token_id=2, initializer_range=0.02)
    m = LlamaForCausalLM(cfg).float()
    g = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for n, p in m.named_parameters():
            if p.ndim == 1:
                p.copy_(1 + 0.2 * torch.randn(p.shape, generator=g))
            elif "embed" in n:
                p.copy_(torch.randn(p.shape, generator=g))
            else:
                rows = torch.exp(0.4 * torch.randn(p.shape[0], 1, generator=g))
                p.copy_(torch.randn(p.shape, generator=g) * rows * (1.4 / p.shape[1] ** 0.5))
        if zero_rows:     # one all-zero output row: what scale does the tool write?
            m.model.layers[0].self_attn.k_proj.weight[5] = 0
    path = os.path.join(WORK, name)
    m.to(dtype).save_pretrained(path)
    from tokenizers import Tokenizer, models     # the tools want some tokenizer when they calibrate; drop_tokenizer removes it again
    from transformers import PreTrainedTokenizerFast
    tk = Tokenizer(models.WordLevel({"t%d" % i: i for i in range(vocab)}, unk_token="t0"))
    PreTrainedTokenizerFast(tokenizer_object=tk, unk_token="t0", pad_token="t0").save_pretrained(path)
    return path

def drop_tokenizer(folder):
    for f in os.listdir(folder):
        if f.startswith(("tokenizer", "special_tokens", "chat_template", "quant_log")): os.remove(os.path.join(folder, f))

def calibration(n=16, length=48, vocab=32, seed=11):
    g = torch.Generator().manual_seed(seed)
    return [torch.randint(3, vocab, (length,), generator=g).tolist() for _ in range(n)]

def fixed_input(cols, rows=2, seed=5):
    return torch.randn(rows, cols, generator=torch.Generator().manual_seed(seed))

def golden(case, tensors, **meta):
    """golden/<case>.safetensors: values; the metadata says in words how each came about."""
    d = os.path.join(OUT, "golden"); os.makedirs(d, exist_ok=True)
    save_file({k: v.detach().contiguous().clone() for k, v in tensors.items()},
              os.path.join(d, case + ".safetensors"), metadata={k: str(v) for k, v in meta.items()})

def greedy(model, n=32, prompt=PROMPT):
    """Plain greedy loop, whole prefix recomputed each step (no cache). Returns ids, last-prompt logits, smallest top-1/top-2 gap."""
    ids, gap, first = list(prompt), 1e9, None
    with torch.no_grad():
        for _ in range(n):
            lg = model(torch.tensor([ids]), use_cache=False).logits[0, -1].float()
            if first is None: first = lg.clone()
            t = torch.topk(lg, 2).values
            gap = min(gap, float(t[0] - t[1]))
            ids.append(int(lg.argmax()))
    return ids[len(prompt):], first, gap

def dense_f32(cfg_path, state):
    """A float32 Llama without any quantization, filled with state (cast to float32)."""
    cfg = LlamaConfig.from_pretrained(cfg_path)
    if hasattr(cfg, "quantization_config"): del cfg.quantization_config
    m = LlamaForCausalLM(cfg).float().eval()
    miss = m.load_state_dict({k: v.float() for k, v in state.items()}, strict=False)
    assert not miss.missing_keys and not miss.unexpected_keys, miss
    return m

def write_greedy(case, entries):
    d = os.path.join(OUT, "golden"); os.makedirs(d, exist_ok=True)
    with open(os.path.join(d, case + ".json"), "w") as f:
        f.write('{"prompt": %s,\n "runs": [\n  %s]}\n' % (json.dumps(PROMPT), ",\n  ".join(json.dumps(e) for e in entries)))
