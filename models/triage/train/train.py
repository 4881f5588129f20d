#!/usr/bin/env python3
"""Trains the tokenizer and the model of e-mail triage, and exports both.

    python3 train.py --data data/messages.jsonl.gz --out model [--fit train|all] [--set name=value ...]

With `--fit train` the model is fitted on the split `train` and watched on `valid`; this is how
settings were chosen. With `--fit all` it is fitted on both; this is how the shipped model was made.
The held-out split is never read here.
"""

import argparse
import itertools
import json
import math
import os
import random
import re
import time

import numpy as np
import tokenizers
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

import triage

# lm, label, subject, dense, repeat: the weights of the losses (lm moves to lm_end);
# variants, bpe_dropout, clean, head_crop, cut, drop: how often and how bodies are varied;
# swap, swaps, swap_rate: messages with other words in the same places of body and subject;
# repeats: rows of random tokens a batch; other: the weight of a subject's tokens not in the body;
# copies: how many messages of one cluster an epoch sees; seconds: ends the schedule by the clock.
SETTINGS = dict(
    vocab=6144, hidden=256, layers=8, heads=4, kv_heads=2, head_dim=64, ffn=768,
    epochs=51, batch=48, lr=1.5e-3, warmup=150, decay=0.1, dropout=0.15, ema=0.998,
    lm=1.0, lm_end=0.3, label=1.0, subject=1.0, dense=0.3,
    variants=6, bpe_dropout=0.1, clean=0.5, head_crop=0.6, cut=0.3, drop=0.3, drop_rate=0.1,
    swap=0.5, swaps=10, swap_rate=0.5, repeats=4, repeat=0.3, other=0.5, copies=3,
    seed=1, seconds=0.0, watch=10, compile=0,
)


# ---------------------------------------------------------------- tokenizer

def train_tokenizer(records, size):
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, special_tokens=[triage.END], show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    of_cluster = {}
    texts = []
    for r in records:
        of_cluster[r["cluster"]] = of_cluster.get(r["cluster"], 0) + 1
        if of_cluster[r["cluster"]] <= 3:  # many copies of one text must not shape the vocabulary
            texts.append(r["body"][:4000])
        texts.append(triage.SEPARATOR + triage.answer_of(r))
    tokenizer.train_from_iterator(texts, trainer)
    for label in triage.LABELS:
        if len(tokenizer.encode(label).ids) != 1:
            raise SystemExit("the label %s is not one token" % label)
    return tokenizer


def with_dropout(tokenizer, rate):
    """A tokenizer of the same vocabulary that skips merges at random."""
    form = json.loads(tokenizer.to_str())
    form["model"]["dropout"] = rate
    return tokenizers.Tokenizer.from_str(json.dumps(form))


# ---------------------------------------------------------------- model (the names are those of the export)

class Norm(nn.Module):
    def __init__(self, size, eps=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x.float(), (x.shape[-1],), self.weight, self.eps).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.heads, self.kv_heads, self.size, self.dropout = s["heads"], s["kv_heads"], s["head_dim"], s["dropout"]
        self.q_proj = nn.Linear(s["hidden"], self.heads * self.size, bias=False)
        self.k_proj = nn.Linear(s["hidden"], self.kv_heads * self.size, bias=False)
        self.v_proj = nn.Linear(s["hidden"], self.kv_heads * self.size, bias=False)
        self.o_proj = nn.Linear(self.heads * self.size, s["hidden"], bias=False)

    def forward(self, x, cos, sin):
        b, t, _ = x.shape
        q = self.q_proj(x).view(b, t, self.heads, self.size).transpose(1, 2)
        k = self.k_proj(x).view(b, t, self.kv_heads, self.size).transpose(1, 2)
        v = self.v_proj(x).view(b, t, self.kv_heads, self.size).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        group = self.heads // self.kv_heads
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True,
                                           dropout_p=self.dropout if self.training else 0.0)
        return self.o_proj(y.transpose(1, 2).reshape(b, t, self.heads * self.size))


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    turned = torch.cat((-x[..., half:], x[..., :half]), -1)
    return (x * cos + turned * sin).to(x.dtype)


class FeedForward(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.gate_proj = nn.Linear(s["hidden"], s["ffn"], bias=False)
        self.up_proj = nn.Linear(s["hidden"], s["ffn"], bias=False)
        self.down_proj = nn.Linear(s["ffn"], s["hidden"], bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.self_attn, self.mlp = Attention(s), FeedForward(s)
        self.input_layernorm, self.post_attention_layernorm = Norm(s["hidden"]), Norm(s["hidden"])
        self.drop = nn.Dropout(s["dropout"])

    def forward(self, x, cos, sin):
        x = x + self.drop(self.self_attn(self.input_layernorm(x), cos, sin))
        return x + self.drop(self.mlp(self.post_attention_layernorm(x)))


class Decoder(nn.Module):
    """Returns the hidden states after the last norm; logits are their products with the embeddings."""

    def __init__(self, s):
        super().__init__()
        self.embed_tokens = nn.Embedding(s["vocab"], s["hidden"])
        self.layers = nn.ModuleList(Layer(s) for _ in range(s["layers"]))
        self.norm = Norm(s["hidden"])
        self.drop = nn.Dropout(s["dropout"])
        turns = 1.0 / 10000.0 ** (torch.arange(0, s["head_dim"], 2).float() / s["head_dim"])
        angles = torch.outer(torch.arange(triage.CONTEXT).float(), turns).repeat(1, 2)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                deep = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * s["layers"]) if deep else 0.02)

    def forward(self, ids):
        x = self.drop(self.embed_tokens(ids))
        cos, sin = self.cos[:ids.shape[1]], self.sin[:ids.shape[1]]
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.norm(x)

    def logits(self, hidden):
        return F.linear(hidden, self.embed_tokens.weight)


# ---------------------------------------------------------------- examples

class Swapper:
    """Writes other words for some of a message's words, the same in body and subject.

    Who has to give the subject of such a text cannot know it by heart and has to copy.
    """

    WORD = re.compile(r"[A-Za-z]{4,}")

    def __init__(self, records, common=400):
        counts = {}
        for r in records:
            for word in self.WORD.findall(r["body"][:4000]):
                word = word.lower()
                counts[word] = counts.get(word, 0) + 1
        ranked = sorted(counts, key=lambda w: (-counts[w], w))
        self.kept = set(ranked[:common])
        self.pool = [w for w in ranked[common:] if counts[w] >= 3]
        self.sums = list(itertools.accumulate(math.sqrt(counts[w]) for w in self.pool))

    def swap(self, body, subject, rate, rng):
        words = {w.lower() for w in self.WORD.findall(body)} | {w.lower() for w in self.WORD.findall(subject)}
        chosen = [w for w in sorted(words - self.kept) if rng.random() < rate]
        other = dict(zip(chosen, rng.choices(self.pool, cum_weights=self.sums, k=len(chosen))))

        def put(match):
            word = match.group()
            new = other.get(word.lower())
            if new is None:
                return word
            return new.upper() if word.isupper() else new.capitalize() if word[0].isupper() else new

        return self.WORD.sub(put, body), self.WORD.sub(put, subject)


class Examples:
    """Token ids of the records, several spellings of each, and the random cuts of an epoch."""

    def __init__(self, records, tokenizer, s):
        self.s = s
        self.records = records
        bodies = [r["body"][:6000] for r in records]
        self.spellings = [[e.ids for e in tokenizer.encode_batch(bodies)]]
        loose = with_dropout(tokenizer, s["bpe_dropout"])
        for _ in range(s["variants"]):
            self.spellings.append([e.ids for e in loose.encode_batch(bodies)])
        self.separator = tokenizer.encode(triage.SEPARATOR).ids
        self.end = tokenizer.token_to_id(triage.END)
        self.room = triage.CONTEXT - triage.ANSWER - len(self.separator)
        self.answers = []
        for r in records:
            ids = tokenizer.encode(triage.answer_of(r)).ids[:triage.ANSWER - 1]
            self.answers.append(ids + [self.end])
        self.swapped = []
        if s["swaps"] and s["variants"]:
            swapper, rng = Swapper(records), random.Random(s["seed"] + 1)
            for _ in range(s["swaps"]):
                pairs = [swapper.swap(r["body"][:2500], r["subject"], s["swap_rate"], rng) for r in records]
                bodies = tokenizer.encode_batch([b for b, _ in pairs])
                answers = tokenizer.encode_batch([triage.answer_of(dict(r, subject=a))
                                                  for r, (_, a) in zip(records, pairs)])
                self.swapped.append([(b.ids, a.ids[:triage.ANSWER - 1] + [self.end])
                                     for b, a in zip(bodies, answers)])
        of_cluster = {}
        for r in records:
            of_cluster[r["cluster"]] = of_cluster.get(r["cluster"], 0) + 1
        # of many copies of one text an epoch sees a few
        self.share = [min(1.0, s["copies"] / of_cluster[r["cluster"]]) for r in records]
        self.aim = [float(r["label"] == "spam") for r in records]

    def plain(self, i):
        return self.spellings[0][i][:self.room] + self.separator, self.answers[i]

    def drawn(self, i, rng):
        s = self.s
        spelling = 0 if len(self.spellings) == 1 or rng.random() < s["clean"] else rng.randrange(1, len(self.spellings))
        body = self.spellings[spelling][i]
        if rng.random() >= s["head_crop"] and len(body) > 96:
            body = body[rng.randrange(len(body) - 64):]
        body = body[:self.room]
        if rng.random() < s["cut"] and len(body) > 64:
            body = body[:rng.randrange(32, len(body))]
        if rng.random() < s["drop"]:
            body = [t for t in body if rng.random() >= s["drop_rate"]]
        return body + self.separator, self.answers[i]

    def drawn_swapped(self, i, rng):
        body, answer = rng.choice(self.swapped)[i]
        body = body[:self.room]
        if rng.random() < self.s["cut"] and len(body) > 64:
            body = body[:rng.randrange(32, len(body))]
        return body + self.separator, answer

    def repeated(self, rng):
        """Random tokens that repeat: nothing to know, all to copy."""
        piece = [rng.randrange(1, self.s["vocab"]) for _ in range(rng.randrange(8, 120))]
        filler = [rng.randrange(1, self.s["vocab"]) for _ in range(rng.randrange(0, 80))]
        return (piece + filler + piece)[:triage.CONTEXT], len(piece) + len(filler)

    def pack(self, rows, device):
        """Rows are (kind, record, prompt, answer); gives the tensors that `losses` takes."""
        width = max(len(p) + len(a) for _, _, p, a in rows) - 1
        ids = np.full((len(rows), width), self.end, np.int64)
        target = np.full((len(rows), width), -100, np.int64)
        body = np.zeros((len(rows), width), np.float32)      # weights of the losses
        subject = np.zeros((len(rows), width), np.float32)
        place = np.zeros(len(rows), np.int64)
        label = np.zeros(len(rows), np.float32)
        aim = np.zeros(len(rows), np.float32)
        for row, (kind, i, p, a) in enumerate(rows):
            whole = p + a
            n, cut = len(whole) - 1, max(0, len(p) - 1)
            ids[row, :n] = whole[:n]
            target[row, :n] = whole[1:]
            if kind == "repeat":  # p is new, a is the copy; the first token of a copy cannot be known
                body[row, cut + 1:n] = 1
                continue
            inside = set(p)
            subject[row, cut + 1:n] = [1.0 if x in inside or x == self.end else self.s["other"]
                                       for x in whole[cut + 2:]]
            if kind == "real":
                body[row, :cut] = 1
                place[row], label[row], aim[row] = cut, 1, self.aim[i]
        return [torch.from_numpy(x).pin_memory().to(device, non_blocking=True)
                for x in (ids, target, body, subject, place, label, aim)]

    def epoch(self, rng, device):
        rows = []
        for i in range(len(self.records)):
            if rng.random() < self.share[i]:
                rows.append(("real", i) + self.drawn(i, rng))
                if self.swapped and rng.random() < self.s["swap"]:
                    rows.append(("swap", i) + self.drawn_swapped(i, rng))
        rng.shuffle(rows)
        batch = self.s["batch"]
        batches = []
        for start in range(0, len(rows), batch * 12):  # similar lengths together
            piece = sorted(rows[start:start + batch * 12], key=lambda d: len(d[2]))
            batches += [piece[k:k + batch] for k in range(0, len(piece), batch)]
        rng.shuffle(batches)
        for b in batches:
            for _ in range(self.s["repeats"]):
                tokens, cut = self.repeated(rng)
                b.append(("repeat", -1, tokens[:cut], tokens[cut:]))
            yield self.pack(b, device)


# ---------------------------------------------------------------- training

def losses(model, head, batch, label_ids, dense):
    ids, target, body, subject, place, counts, aim = batch
    with torch.autocast("cuda", dtype=torch.bfloat16):
        hidden = model(ids)
        logits = model.logits(hidden)
    logits = logits.float()
    each = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-100, reduction="none").view_as(body)
    real, again = body * counts[:, None], body * (1 - counts[:, None])
    lm = (each * real).sum() / real.sum().clamp(min=1)
    copy = (each * again).sum() / again.sum().clamp(min=1)
    sub = (each * subject).sum() / subject.sum().clamp(min=1)
    rows = torch.arange(len(ids), device=ids.device)
    at_label = F.log_softmax(logits[rows, place], -1)
    ham, spam = at_label[:, label_ids[0]], at_label[:, label_ids[1]]
    label = -(counts * ((1 - aim) * ham + aim * spam)).sum() / counts.sum().clamp(min=1)
    extra = torch.zeros((), device=ids.device)
    if dense:
        # each place of the body, from the eighth on, guesses the label too (the guesser is not exported)
        mask = real.clone()
        mask[:, :8] = 0
        guess = head(hidden.float()).squeeze(-1)
        miss = F.binary_cross_entropy_with_logits(guess, aim[:, None].expand_as(guess), reduction="none")
        extra = (miss * mask).sum() / mask.sum().clamp(min=1)
    return lm, label, sub, extra, copy, (spam - ham).detach()


@torch.no_grad()
def watch(model, head, examples, label_ids, device):
    model.eval()
    order = sorted(range(len(examples.records)), key=lambda i: len(examples.spellings[0][i]))
    sums, right, n = np.zeros(3), 0, 0
    for k in range(0, len(order), 64):
        part = order[k:k + 64]
        batch = examples.pack([("real", i) + examples.plain(i) for i in part], device)
        lm, label, sub, _, _, margin = losses(model, head, batch, label_ids, 0.0)
        sums += np.array([lm.item(), label.item(), sub.item()]) * len(part)
        for i, m in zip(part, margin.tolist()):
            right += (m > 0) == (examples.records[i]["label"] == "spam")
        n += len(part)
    model.train()
    return {"lm": sums[0] / n, "label": sums[1] / n, "subject": sums[2] / n, "accuracy": right / n}


def fit(records, watched, tokenizer, s, device="cuda"):
    torch.manual_seed(s["seed"])
    torch.backends.cuda.enable_cudnn_sdp(False)
    rng = random.Random(s["seed"])
    examples = Examples(records, tokenizer, s)
    watched = Examples(watched, tokenizer, dict(s, variants=0)) if watched else None
    label_ids = [tokenizer.encode(label).ids[0] for label in triage.LABELS]
    model, head = Decoder(s).to(device), nn.Linear(s["hidden"], 1).to(device)
    smooth = {k: v.detach().clone() for k, v in model.named_parameters()}
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.dim() != 2 or "embed" in n] + list(head.parameters())
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": s["decay"]},
                                   {"params": others, "weight_decay": 0.0}],
                                  lr=s["lr"], betas=(0.9, 0.98), fused=True)
    if s["compile"]:
        for layer in model.layers:
            layer.compile(dynamic=True)
    steps = s["epochs"] * math.ceil(sum(examples.share) * (1 + s["swap"] * bool(examples.swapped)) / s["batch"])
    step, started, result = 0, time.time(), None
    values, shadow = [p for _, p in model.named_parameters()], list(smooth.values())
    done = 0.0
    for epoch in range(s["epochs"]):
        for batch in examples.epoch(rng, device):
            # the schedule runs over the steps, or over the seconds where these are given
            done = step / steps
            if s["seconds"]:
                done = max(done, (time.time() - started) / s["seconds"])
            if done >= 1.0:
                break
            rate = s["lr"] * min(1.0, (step + 1) / s["warmup"]) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
            for group in optimizer.param_groups:
                group["lr"] = rate
            lm, label, sub, extra, copy, _ = losses(model, head, batch, label_ids, s["dense"])
            weight = s["lm"] + (s["lm_end"] - s["lm"]) * done
            loss = weight * lm + s["label"] * label + s["subject"] * sub + s["dense"] * extra + s["repeat"] * copy
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            keep = min(s["ema"], step / (step + 20.0))
            with torch.no_grad():
                torch._foreach_lerp_(shadow, values, 1 - keep)
        last = epoch + 1 == s["epochs"] or done >= 1.0
        if (epoch + 1) % s["watch"] == 0 or last:
            line = "epoch %d step %d %.0fs lm %.3f label %.4f subject %.3f copy %.3f" % (
                epoch + 1, step, time.time() - started, lm.item(), label.item(), sub.item(), copy.item())
            if watched:
                raw = {k: v.detach().clone() for k, v in model.named_parameters()}
                set_weights(model, smooth)
                result = watch(model, head, watched, label_ids, device)
                set_weights(model, raw)
                line += " | watched " + " ".join("%s %.4f" % x for x in result.items())
            print(line, flush=True)
        if last:
            break
    set_weights(model, smooth)
    return model, result


@torch.no_grad()
def set_weights(model, values):
    for name, p in model.named_parameters():
        p.copy_(values[name])


# ---------------------------------------------------------------- export

def export(model, tokenizer, s, folder):
    os.makedirs(folder, exist_ok=True)
    end = tokenizer.token_to_id(triage.END)
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    save_file({"model." + k: v.detach().to(torch.bfloat16).cpu().contiguous() for k, v in model.named_parameters()},
              os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    write(folder, "config.json", {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16",
        "vocab_size": s["vocab"], "hidden_size": s["hidden"], "intermediate_size": s["ffn"],
        "num_hidden_layers": s["layers"], "num_attention_heads": s["heads"],
        "num_key_value_heads": s["kv_heads"], "head_dim": s["head_dim"], "hidden_act": "silu",
        "max_position_embeddings": triage.CONTEXT, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "rope_scaling": None, "attention_bias": False, "mlp_bias": False, "attention_dropout": 0.0,
        "tie_word_embeddings": True, "initializer_range": 0.02, "use_cache": True,
        "bos_token_id": end, "eos_token_id": end})
    write(folder, "generation_config.json", {
        "do_sample": False, "bos_token_id": end, "eos_token_id": end, "pad_token_id": end,
        "max_new_tokens": triage.ANSWER})
    write(folder, "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": triage.CONTEXT,
        "add_bos_token": False, "add_prefix_space": False, "clean_up_tokenization_spaces": False,
        "bos_token": triage.END, "eos_token": triage.END, "pad_token": triage.END, "unk_token": None})


def write(folder, name, value):
    with open(os.path.join(folder, name), "w") as out:
        json.dump(value, out, indent=2)
        out.write("\n")


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--data", default="data/messages.jsonl.gz")
    options.add_argument("--out", default="model")
    options.add_argument("--fit", choices=("train", "all"), default="all")
    options.add_argument("--tokenizer", help="a tokenizer.json to use instead of training one")
    options.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    options = options.parse_args()
    s = dict(SETTINGS)
    for item in options.set:
        name, value = item.split("=")
        s[name] = type(SETTINGS[name])(value)
    records = [r for r in triage.load(options.data) if r["split"] != "heldout"]
    used = [r for r in records if options.fit == "all" or r["split"] == "train"]
    watched = [r for r in records if r["split"] == "valid"] if options.fit == "train" else None
    tokenizer = (tokenizers.Tokenizer.from_file(options.tokenizer) if options.tokenizer
                 else train_tokenizer(used, s["vocab"]))
    model, result = fit(used, watched, tokenizer, s)
    export(model, tokenizer, s, options.out)
    write(options.out, "settings.json", {"settings": s, "fit": options.fit, "watched": result})
    print("parameters %d" % sum(p.numel() for p in model.parameters()), json.dumps(result))


if __name__ == "__main__":
    main()
