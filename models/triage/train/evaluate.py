#!/usr/bin/env python3
"""Evaluates an exported model by greedy generation, and writes the request files.

    python3 evaluate.py --data data/messages.jsonl.gz --model .. [--split heldout|valid]
                        [--requests data/heldout.jsonl] [--demo ../demo.jsonl] [--golden golden.json]

The model is loaded from its folder through transformers' LlamaForCausalLM; its weights are the
BF16 ones of the file and all arithmetic is in float32. `--baselines-only` needs only numpy.
"""

import argparse
import collections
import json
import math
import re

import triage

# No demo request has one of these in its prompt or subject: a coarse rule, kept on purpose.
UNFIT = re.compile(
    r"sex|porn|xxx|viagra|penis|nude|naked|adult|horny|fuck|shit|bitch|cum\b|cock|pussy|erotic|lust|"
    r"slut|whore|breast|orgasm|libido|rape|nigger|fag\b|gay|lesbian|jew|muslim|terror|kill|murder|"
    r"suicide|drug|ass\b|damn|crap|strip|teen|orgy|escort|impoten|enlarge|condom|genital|webcam|"
    r"girl|dating|tonight|indian|islam|arab|iraq|saddam|israel|palestin|christian|\bwar\b|\bgod\b", re.I)


# ---------------------------------------------------------------- baselines

def bag_of_words(train, valid, test, text_of):
    """Logistic regression on the words and word pairs in a message, full batch; (accuracy, the L2 weight)."""
    import numpy as np

    def features(text):
        words = re.findall(r"\w+|[!$%?>]", text.lower())
        return collections.Counter(words) | collections.Counter(zip(words, words[1:]))

    def matrix(counts, places):
        x = np.zeros((len(counts), len(places)), np.float32)
        for row, count in enumerate(counts):
            for word, n in count.items():
                at = places.get(word)
                if at is not None:
                    x[row, at] = (1 + math.log(n)) * idf[at]
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)

    def fitted(x, y, l2, rounds=400):
        w, b = np.zeros(x.shape[1], np.float32), 0.0
        before_w, before_b = w.copy(), b
        rate = 4.0 / (0.5 + l2)  # rows have length one: the curvature is at most (1 + 1) / 4 and l2
        rate = min(rate, 2.0)
        for k in range(rounds):  # Nesterov's method
            pull = k / (k + 3.0)
            at_w, at_b = w + pull * (w - before_w), b + pull * (b - before_b)
            p = 1 / (1 + np.exp(-(x @ at_w + at_b)))
            before_w, before_b = w, b
            w = at_w - rate * (x.T @ (p - y) / len(y) + l2 * at_w)
            b = at_b - rate * float((p - y).mean())
        return w, b

    counts = {name: [features(text_of(r)) for r in rs] for name, rs in
              (("train", train), ("valid", valid), ("test", test))}
    target = {name: np.array([r["label"] == "spam" for r in rs], np.float32) for name, rs in
              (("train", train), ("valid", valid), ("test", test))}
    seen = collections.Counter(w for c in counts["train"] + counts["valid"] for w in c)
    places = {w: k for k, (w, n) in enumerate(seen.most_common(20000)) if n >= 2}
    total = len(counts["train"]) + len(counts["valid"])
    idf = np.zeros(len(places), np.float32)
    for w, k in places.items():
        idf[k] = math.log((1 + total) / (1 + seen[w])) + 1
    x = {name: matrix(c, places) for name, c in counts.items()}
    best = None
    for l2 in (1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6):
        w, b = fitted(x["train"], target["train"], l2)
        right = float((((x["valid"] @ w + b) > 0) == target["valid"]).mean())
        print("  bag of words: l2 %g, on the validation part %.4f" % (l2, right), flush=True)
        if best is None or right > best[0]:
            best = (right, l2)
    both = np.concatenate([x["train"], x["valid"]])
    w, b = fitted(both, np.concatenate([target["train"], target["valid"]]), best[1], 800)
    return float((((x["test"] @ w + b) > 0) == target["test"]).mean()), best[1]


# ---------------------------------------------------------------- the model

def load_model(folder, device):
    import torch
    import transformers
    model = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).to(device)
    return model.eval()


def greedy(model, prompts, end, device, batch=64):
    """The greedy token ids after each prompt (a list of ids), without those after the end."""
    import torch
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    out = [None] * len(prompts)
    with torch.no_grad():
        for k in range(0, len(order), batch):
            part = order[k:k + batch]
            length = torch.tensor([len(prompts[i]) for i in part], device=device)
            ids = torch.full((len(part), int(length.max()) + triage.ANSWER), end, device=device)
            for row, i in enumerate(part):
                ids[row, :len(prompts[i])] = torch.tensor(prompts[i], device=device)
            rows = torch.arange(len(part), device=device)
            ended = torch.zeros(len(part), dtype=torch.bool, device=device)
            for step in range(triage.ANSWER):
                # causal attention: what stands right of a row's last token does not matter
                hidden = model.model(ids[:, :int(length.max()) + step], use_cache=False).last_hidden_state
                token = model.lm_head(hidden[rows, length + step - 1]).argmax(-1)
                ids[rows, length + step] = token
                ended |= token == end
                if bool(ended.all()):
                    break
            for row, i in enumerate(part):
                answer = ids[row, len(prompts[i]):len(prompts[i]) + triage.ANSWER].tolist()
                out[i] = answer[:answer.index(end)] if end in answer else answer
    return out


def scores(records, answers, known):
    """Accuracy and the mean token F1, with their parts."""
    n = collections.Counter()
    f1 = collections.defaultdict(list)
    for r, text in zip(records, answers):
        label, subject = triage.split_answer(text)
        n["messages"] += 1
        n["right"] += label == r["label"]
        n["no label"] += label is None
        n[r["label"]] += 1
        n["right " + r["label"]] += label == r["label"]
        if r["subject"]:
            kinds = ("all", r["label"], "known subject" if r["subject"].lower() in known else "new subject")
            for kind in kinds:
                f1[kind].append((triage.token_f1(subject, r["subject"]),
                                 triage.token_f1(triage.first_words(r["body"]), r["subject"])))
    return {
        "messages": n["messages"], "accuracy": n["right"] / n["messages"], "no label": n["no label"],
        "ham": n["ham"], "ham kept": n["right ham"] / max(1, n["ham"]),
        "spam": n["spam"], "spam caught": n["right spam"] / max(1, n["spam"]),
        "majority": max(n["ham"], n["spam"]) / n["messages"],
        "subject": {k: {"messages": len(v), "f1": sum(a for a, _ in v) / len(v),
                        "first eight words": sum(b for _, b in v) / len(v)} for k, v in sorted(f1.items())},
    }


def request_of(record, prompt):
    return {"id": record["id"], "prompt": prompt,
            "metadata": {"label": record["label"], "subject": record["subject"]}}


def demo_of(requests, records, ham=41, spam=19):
    """The first requests by id of each label that are decent, mostly ASCII and of middling length."""
    wanted, taken, out = {"ham": ham, "spam": spam}, set(), []
    cluster = {r["id"]: r["cluster"] for r in records}
    for q in sorted(requests, key=lambda q: q["id"]):
        text = q["prompt"] + q["metadata"]["subject"]
        if (wanted[q["metadata"]["label"]] > 0 and q["metadata"]["subject"] and not UNFIT.search(text)
                and 250 <= len(q["prompt"]) <= 2600 and cluster[q["id"]] not in taken
                and sum(c < "\x7f" for c in text) >= 0.99 * len(text)):
            wanted[q["metadata"]["label"]] -= 1
            taken.add(cluster[q["id"]])
            out.append(q)
    return out


def golden_of(model, tokenizer, requests, end, device):
    import torch
    out = []
    for q in requests:
        ids = tokenizer.encode(q["prompt"]).ids
        with torch.no_grad():
            now = torch.tensor([ids], device=device)
            first = None
            for _ in range(triage.ANSWER):
                logits = model(now, use_cache=False).logits[0, -1].float()
                first = logits if first is None else first
                now = torch.cat([now, logits.argmax().view(1, 1)], 1)
        top = first.topk(5)
        out.append({"id": q["id"], "prompt_ids": ids, "greedy_ids": now[0, len(ids):].tolist(),
                    "answer": tokenizer.decode(answer_ids(now[0, len(ids):].tolist(), end)),
                    "first_logits": first[:64].tolist(),
                    "top_ids": top.indices.tolist(), "top_logits": top.values.tolist()})
    return {"note": "float32 arithmetic on the BF16 weights of model.safetensors, greedy, "
                    "not stopped at the end token; logits are those after the prompt's last token",
            "cases": out}


def answer_ids(ids, end):
    return ids[:ids.index(end)] if end in ids else ids


def write_lines(path, values):
    with open(path, "w", encoding="utf-8") as out:
        for value in values:
            out.write(json.dumps(value, ensure_ascii=False) + "\n")


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--data", default="data/messages.jsonl.gz")
    options.add_argument("--model", default="..")
    options.add_argument("--split", choices=("valid", "heldout"), default="heldout")
    options.add_argument("--requests", help="writes all requests of the split here")
    options.add_argument("--demo", help="writes the demo's requests here")
    options.add_argument("--golden", help="writes token ids and logits of five demo requests here")
    options.add_argument("--cuts", help="how many characters of each body a prompt holds: written with the "
                                        "model's tokenizer, read with --baselines-only")
    options.add_argument("--report", help="writes the scores here")
    options.add_argument("--no-scores", action="store_true", help="only writes the files")
    options.add_argument("--no-baselines", action="store_true")
    options.add_argument("--baselines-only", action="store_true")
    options = options.parse_args()
    everything = triage.load(options.data)
    records = [r for r in everything if r["split"] == options.split]
    known = {r["subject"].lower() for r in everything if r["split"] != "heldout" and r["split"] != options.split}
    report = {"split": options.split}

    if not options.baselines_only:
        import tokenizers
        tokenizer = tokenizers.Tokenizer.from_file(options.model + "/tokenizer.json")
        end = tokenizer.token_to_id(triage.END)
        if options.golden or not options.no_scores:
            import torch
            torch.backends.cuda.matmul.allow_tf32 = False
            device = "cuda" if torch.cuda.is_available() else "cpu"
            model = load_model(options.model, device)
        requests = [request_of(r, triage.prompt_of(r["body"], tokenizer)) for r in records]
        if options.cuts:
            with open(options.cuts, "w") as out:
                json.dump({r["id"]: len(triage.prompt_of(r["body"], tokenizer)) - len(triage.SEPARATOR)
                           for r in everything}, out)
        if options.requests:
            write_lines(options.requests, requests)
        if options.demo or options.golden:
            demo = demo_of(requests, records)
            if options.demo:
                write_lines(options.demo, demo)
            if options.golden:
                with open(options.golden, "w") as out:
                    json.dump(golden_of(model, tokenizer, demo[:5], end, device), out)
                    out.write("\n")
        if not options.no_scores:
            ids = greedy(model, [tokenizer.encode(q["prompt"]).ids for q in requests], end, device)
            report["model"] = scores(records, [tokenizer.decode(x) for x in ids], known)
    if not options.no_baselines and not options.no_scores:
        split = {name: [r for r in everything if r["split"] == name] for name in ("train", "valid", "heldout")}
        if options.baselines_only or options.split == "heldout":
            if options.cuts:
                with open(options.cuts) as lines:
                    cuts = json.load(lines)
                accuracy, l2 = bag_of_words(split["train"], split["valid"], records,
                                            lambda r: r["body"][:cuts[r["id"]]])
                report["bag of words, the cut body"] = {"accuracy": accuracy, "l2": l2}
            accuracy, l2 = bag_of_words(split["train"], split["valid"], records, lambda r: r["body"])
            report["bag of words, the whole body"] = {"accuracy": accuracy, "l2": l2}
    text = json.dumps(report, indent=1)
    print(text)
    if options.report:
        with open(options.report, "w") as out:
            out.write(text + "\n")


if __name__ == "__main__":
    main()
