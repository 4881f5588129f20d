"""Writes down which keys transformers knows in the files of a model folder.

    python3 make_keys.py KNOWN_FOLDER

Needs transformers 5.17.0, no torch. Writes config-keys.txt (all keys of all of its configs),
rope-keys.txt, generation-keys.txt and tokenizer-keys.txt into KNOWN_FOLDER, which is
src/main/resources/io/millrace/gpu/model/folder, and beside this file, for FolderKeysTest,
families.txt (one line a family, or "rope", and key, of the configs that the engine reads) and
generation-defaults.json (each key of GenerationConfig with its default).
"""

import dataclasses
import importlib
import inspect
import json
import pathlib
import pkgutil
import re
import sys

import transformers
from transformers import GenerationConfig, PreTrainedConfig, models
from transformers.modeling_rope_utils import RopeParameters

FAMILIES = {
    "LlamaForCausalLM": transformers.LlamaConfig,
    "MinistralForCausalLM": transformers.MinistralConfig,
    "MistralForCausalLM": transformers.MistralConfig,
    "Qwen2ForCausalLM": transformers.Qwen2Config,
    "Qwen3ForCausalLM": transformers.Qwen3Config,
    "GPT2LMHeadModel": transformers.GPT2Config,
    "Starcoder2ForCausalLM": transformers.Starcoder2Config,
    "Phi3ForCausalLM": transformers.Phi3Config,
}
# What PreTrainedConfig and its parts read without declaring it.
UNDECLARED = [
    "attn_implementation",
    "experts_implementation",
    "is_causal",
    "model_type",
    "name_or_path",
    "num_labels",
    "output_attentions",
    "per_layer_config",
    "quantization_config",
    "torch_dtype",
]
UNDECLARED_ROTARY = ["mrope_section", "mscale", "mscale_all_dim", "truncate", "type"]
UNDECLARED_ROTARY += ["full_attention", "sliding_attention"]
ROTARY = ["partial_rotary_factor", "rope_parameters", "rope_scaling", "rope_theta"]


def fields(config):
    return {field.name for field in dataclasses.fields(config)}


def subclasses(config, found):
    for child in config.__subclasses__():
        if child not in found:
            found.add(child)
            subclasses(child, found)
    return found


def tokenizer_keys():
    """What the constructors of our tokenizer classes, and what reads their files, take by name."""
    base = transformers.PreTrainedTokenizerBase
    fast = transformers.TokenizersBackend
    keys = set(base.SPECIAL_TOKENS_ATTRIBUTES) | {"tokenizer_class", "chat_template"}
    for owner in (transformers.GPT2Tokenizer, transformers.Qwen2Tokenizer, transformers.LlamaTokenizer):
        keys |= set(inspect.signature(owner.__init__).parameters) - {"self", "args", "kwargs"}
    for function in (base.__init__, base._from_pretrained, fast.__init__):
        source = inspect.getsource(function)
        keys |= set(re.findall(r'kwargs\.(?:pop|get|setdefault)\(\s*"(\w+)"', source))
        keys |= set(re.findall(r'"(\w+)" (?:not )?in (?:init_)?kwargs', source))
        keys |= set(re.findall(r'kwargs\["(\w+)"\]', source))
    return {key for key in keys if not key.startswith("_")}


def write(path, lines):
    header = "# transformers %s, by make_keys.py\n" % transformers.__version__
    path.write_text(header + "".join(line + "\n" for line in sorted(lines)))


def main():
    known = pathlib.Path(sys.argv[1])
    for module in pkgutil.iter_modules(models.__path__):
        name = "transformers.models.%s.configuration_%s" % (module.name, module.name)
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            pass  # a tokenizer alone
    generation = set(vars(GenerationConfig())) | set(GenerationConfig._get_default_generation_params())
    keys = set(UNDECLARED + ROTARY) | fields(PreTrainedConfig) | generation
    for config in subclasses(PreTrainedConfig, set()):
        keys |= fields(config) | set(config.attribute_map)
    write(known / "config-keys.txt", {key for key in keys if not key.startswith("_")})
    write(known / "rope-keys.txt", set(RopeParameters.__annotations__) | set(UNDECLARED_ROTARY))
    write(known / "generation-keys.txt", generation)
    write(known / "tokenizer-keys.txt", tokenizer_keys())
    defaults = {key: None for key in sorted(generation)}
    defaults.update(GenerationConfig._get_default_generation_params())
    text = json.dumps(defaults, indent=1, sort_keys=True) + "\n"
    pathlib.Path(__file__).with_name("generation-defaults.json").write_text(text)
    lines = []
    for family, config in FAMILIES.items():
        own = fields(config) | set(UNDECLARED)
        if "rope_parameters" in own:
            own |= set(ROTARY)
        lines += ["%s %s" % (family, key) for key in own]
    lines += ["rope %s" % key for key in RopeParameters.__annotations__]
    write(pathlib.Path(__file__).with_name("families.txt"), lines)


if __name__ == "__main__":
    main()
