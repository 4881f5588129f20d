#!/usr/bin/env bash
# transformers 5.17.0: a byte-level tokenizer.json under the class LlamaTokenizer is taken apart and rebuilt.
#
# tokenizer.json describes a whole tokenizer: normalizer, pre-tokenizer, model, decoder. Where
# tokenizer_config.json names `LlamaTokenizer` or `LlamaTokenizerFast` (as folders of byte-level models do
# that were saved by version 4), version 5 takes only the vocabulary and the merges from it and puts the
# pre-tokenizer and decoder of SentencePiece's Llama in the place of those of the file. The ids differ from those of
# the tokenizers library on the same file, and decoding loses the spaces. Other class names
# (PreTrainedTokenizerFast, GPT2Tokenizer, Qwen2Tokenizer) give the file's own ids.
#
# Needs python3 and PyPI. Runs for about half a minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check transformers==5.17.0 tokenizers==0.23.2 2>"$work/pip.log" || { cat "$work/pip.log" >&2; exit 2; }

TRANSFORMERS_VERBOSITY=error "$work/venv/bin/python" - "$work" <<'PY' 2>/dev/null
import json
import pathlib
import sys

import tokenizers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer, __version__

print("transformers", __version__, "tokenizers", tokenizers.__version__)
letters = sorted(pre_tokenizers.ByteLevel.alphabet())
merges = [("h", "e"), ("l", "l"), ("\u0120", "w")]
vocabulary = {piece: number for number, piece in enumerate(letters + ["".join(pair) for pair in merges])}
plain = Tokenizer(models.BPE(vocabulary, merges))
plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
plain.decoder = decoders.ByteLevel()
text = "hello world"
expected = plain.encode(text).ids
print("tokenizers:", plain.encode(text).tokens, repr(plain.decode(expected)))

changed = 0
for name in ("PreTrainedTokenizerFast", "GPT2Tokenizer", "LlamaTokenizer", "LlamaTokenizerFast"):
    folder = pathlib.Path(sys.argv[1], name)
    folder.mkdir()
    plain.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name}))
    read = AutoTokenizer.from_pretrained(folder)
    ids = read(text, add_special_tokens=False)["input_ids"]
    print(f"{name}:", read.convert_ids_to_tokens(ids), repr(read.decode(ids)))
    llama = name.startswith("Llama")
    changed += (ids != expected) != llama or (read.decode(ids) == "helloworld") != llama
sys.exit(1 if changed else 0)
PY
echo "as described: under LlamaTokenizer the same tokenizer.json gives other ids, and the space is lost"
