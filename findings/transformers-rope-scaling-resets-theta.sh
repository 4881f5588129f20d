#!/usr/bin/env bash
# transformers 5.17.0: `rope_scaling` beside `rope_parameters` resets the base frequency.
#
# Version 5 stores RoPE's settings in `rope_parameters`, rope_theta among them; earlier versions used
# `rope_scaling` and a rope_theta of its own, and both spellings are read. A config.json that holds both (a
# file saved by version 5 to which a user then adds the scaling that a model card recommends) gets the
# scaling, but loses rope_parameters' rope_theta: it falls back to the class's default of 10,000, without a
# word. The model then answers with frequencies that it was never trained with.
#
# Needs python3 and PyPI. Runs for about half a minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check transformers==5.17.0 2>"$work/pip.log" || { cat "$work/pip.log" >&2; exit 2; }

TRANSFORMERS_VERBOSITY=error "$work/venv/bin/python" - <<'PY' 2>/dev/null
import sys
from transformers import LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config, __version__

theta = 500000.0
scaling = {"rope_type": "linear", "factor": 4.0}
parameters = {"rope_type": "default", "rope_theta": theta}
print("transformers", __version__)
changed = 0
for family in (LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config):
    old = family.from_dict({"rope_theta": theta, "rope_scaling": dict(scaling)}).rope_parameters
    both = family.from_dict({"rope_parameters": dict(parameters), "rope_scaling": dict(scaling)}).rope_parameters
    print(f"{family.__name__}: rope_scaling alone {old}")
    print(f"{family.__name__}: with rope_parameters {both}")
    changed += old["rope_theta"] != theta or both != {**scaling, "rope_theta": 10000.0}
sys.exit(1 if changed else 0)
PY
echo "as described: beside rope_parameters, rope_scaling keeps its factor, and rope_theta falls from 500,000 to 10,000"
