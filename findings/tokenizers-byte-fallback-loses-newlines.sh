#!/usr/bin/env bash
# tokenizers 0.23.2: one byte that is not UTF-8 takes the whole characters before it along.
#
# Tokenizers of Llama 2's kind write what is not in the vocabulary as byte tokens, <0x00> to <0xFF>; in many of them a newline is
# <0x0A>. The decoder ByteFallback decodes a run of byte tokens as a whole: if the run is not UTF-8, each of its bytes becomes
# U+FFFD, those of whole characters too. So the newline before half a character (a sampled one, or a completion cut by its
# token limit) is gone from the text; sentencepiece, whose models these are, decodes the same ids to the newline and U+FFFD for the rest.
# Whoever streams has shown the newline by then: the library's own DecodeStream raises "Invalid prefix encountered".
#
# Needs python3 and PyPI. Runs for about half a minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check tokenizers==0.23.2 sentencepiece==0.2.2 2>"$work/pip.log" || { cat "$work/pip.log" >&2; exit 2; }
"$work/venv/bin/python" - <<'PY' 2>"$work/log"
import io, sys
import sentencepiece, tokenizers
from tokenizers import Tokenizer, decoders, models

model = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(["a word and a word more"] * 20), model_writer=model, vocab_size=280, model_type="bpe",
    byte_fallback=True, character_coverage=1.0, hard_vocab_limit=False)
reference = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
vocabulary = {reference.id_to_piece(i): i for i in range(reference.get_piece_size())}
# The decoder that converted Llama 2 models have.
tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=True))
tokenizer.decoder = decoders.Sequence(
    [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])


def ids(*tokens):
    return [vocabulary[token] for token in tokens]


print("tokenizers", tokenizers.__version__, "sentencepiece", sentencepiece.__version__)
whole = ids("<0x0A>", "\u2581word")
broken = ids("<0x0A>", "<0xF0>", "<0x9F>", "\u2581word")
seen = [(reference.decode(each), tokenizer.decode(each)) for each in (whole, broken)]
for tokens, (left, right) in zip(("<0x0A> word", "<0x0A> <0xF0> <0x9F> word"), seen):
    print("%-26s sentencepiece %-16s tokenizers %s" % (tokens, ascii(left), ascii(right)))
stream = decoders.DecodeStream()
pieces = []
try:
    for each in broken:
        pieces.append(stream.step(tokenizer, each))
    said = "nothing"
except Exception as e:
    said = str(e).split(".")[0]
print("DecodeStream:", pieces, said)
sys.exit(0 if seen == [("\n word", "\n word"), ("\n\ufffd\ufffd word", "\ufffd\ufffd\ufffd word")]
         and said.startswith("Invalid prefix") else 1)
PY
echo "as described: half a character takes the newline before it along"
