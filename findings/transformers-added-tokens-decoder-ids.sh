#!/usr/bin/env bash
# transformers 5.17.0: the ids in `added_tokens_decoder` are not used.
#
# tokenizer_config.json may name added tokens by id: "added_tokens_decoder": {"7": {"content": "<x>", ...}}. Where
# tokenizer.json does not have such a token, it is added when the folder is loaded, but with the next free id,
# in the order of the ids that were asked for: the key decides the order and not the id. No warning is given. A
# model trained with <x> as 7 then gets 3 for it, another token's embedding or one of the padding.
#
# Needs python3 and PyPI. Runs for about half a minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check transformers==5.17.0 2>"$work/pip.log" || { cat "$work/pip.log" >&2; exit 2; }

cd "$work"
TRANSFORMERS_VERBOSITY=error "$work/venv/bin/python" - <<'PY' 2>/dev/null
import json, os, sys
from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, __version__

os.mkdir("model")
Tokenizer(models.BPE(vocab={"a": 0, "b": 1, "ab": 2}, merges=[("a", "b")])).save("model/tokenizer.json")


def added(content):
    return {"content": content, "special": True, "lstrip": False, "rstrip": False, "single_word": False, "normalized": False}


asked = {"<y>": 9, "<x>": 7}
json.dump({"tokenizer_class": "PreTrainedTokenizerFast",
           "added_tokens_decoder": {str(id): added(token) for token, id in asked.items()}},
          open("model/tokenizer_config.json", "w"))
tokenizer = AutoTokenizer.from_pretrained("model")
got = {token: tokenizer.convert_tokens_to_ids(token) for token in asked}
print("transformers", __version__)
print("asked for", asked)
print("got      ", got)
sys.exit(0 if got == {"<y>": 4, "<x>": 3} else 1)
PY
echo "as described: the tokens asked for as 7 and 9 have the ids 3 and 4"
