#!/usr/bin/env bash
# tokenizers 0.23.2: BPE dropout of tokenizer.json stays on when a model is served.
#
# BPE dropout skips merges at random, to make training more robust. `Tokenizer.save` writes the rate into
# tokenizer.json ("model": {"dropout": 0.5}), there is no notion of training and inference, and so whoever loads
# the file later, transformers' fast tokenizers too, gets other ids for the same text at each call, and a
# length that varies. Nothing says so, and no argument of `encode` turns it off; `tokenizer.model.dropout = None` does.
#
# Needs python3 and PyPI. Runs for about half a minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check transformers==5.17.0 tokenizers==0.23.2 2>"$work/pip.log" || { cat "$work/pip.log" >&2; exit 2; }

cd "$work"
TRANSFORMERS_VERBOSITY=error "$work/venv/bin/python" - <<'PY' 2>/dev/null
import os, sys
from tokenizers import Tokenizer, models, __version__
from transformers import PreTrainedTokenizerFast
from transformers import __version__ as transformers_version

merges = [("a", "b"), ("c", "d"), ("ab", "cd"), ("e", "f"), ("g", "h"), ("ef", "gh"), ("abcd", "efgh")]
vocabulary = {token: id for id, token in enumerate(list("abcdefgh") + [left + right for left, right in merges])}
os.mkdir("model")
Tokenizer(models.BPE(vocab=vocabulary, merges=merges, dropout=0.5)).save("model/tokenizer.json")
open("model/tokenizer_config.json", "w").write("{}")


def answers(encode):
    return len({tuple(encode("abcdefgh")) for _ in range(500)})


alone = Tokenizer.from_file("model/tokenizer.json")
wrapped = PreTrainedTokenizerFast.from_pretrained("model")
seen = answers(lambda text: alone.encode(text).ids), answers(lambda text: wrapped(text).input_ids)
alone.model.dropout = None
off = answers(lambda text: alone.encode(text).ids)
print("tokenizers", __version__, "transformers", transformers_version)
print("different encodings of one text in 500 calls: tokenizers", seen[0], "transformers", seen[1], "dropout None", off)
sys.exit(0 if min(seen) > 1 and off == 1 else 1)
PY
echo "as described: one text has many encodings until the dropout of the loaded tokenizer is set to None"
