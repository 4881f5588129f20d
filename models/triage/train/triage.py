"""What preparing, training and evaluating have in common: the prompt's form, the cut, the scores."""

import collections
import gzip
import json
import re

SEPARATOR = "\n\n### Triage\n"   # between the body and the answer
BETWEEN = " | "                  # between the label and the subject
LABELS = ("ham", "spam")
END = "<|endoftext|>"
CONTEXT = 640                    # tokens, prompt and answer together
ANSWER = 32                      # tokens of the answer, its end included
NO_SUBJECT = "(none)"            # the answer's subject for the few messages without one


def load(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def answer_of(record):
    return record["label"] + BETWEEN + (record["subject"] or NO_SUBJECT)


def prompt_of(body, tokenizer):
    """The body, cut at its end until prompt and answer fit the context, and the separator."""
    room = CONTEXT - ANSWER - len(tokenizer.encode(SEPARATOR).ids)
    text = body
    while True:
        encoding = tokenizer.encode(text)
        if len(encoding.ids) <= room:
            prompt = text.rstrip() + SEPARATOR
            if len(tokenizer.encode(prompt).ids) + ANSWER <= CONTEXT:
                return prompt
            room -= 1
        # a character whose bytes lie on both sides of the cut goes too
        end = encoding.offsets[min(room, len(encoding.ids)) - 1][0]
        text = text[:end].rstrip()


def split_answer(text):
    """(label, subject) of a generated answer; the label is None where the form is not kept."""
    label, found, subject = text.partition(BETWEEN.rstrip())
    label = label.strip()
    return (label if label in LABELS else None), subject.strip()


def tokens_of(text):
    return re.findall(r"\w+", text.lower())


def token_f1(guess, truth):
    a, b = collections.Counter(tokens_of(guess)), collections.Counter(tokens_of(truth))
    common = sum((a & b).values())
    return 2.0 * common / (sum(a.values()) + sum(b.values())) if common else 0.0


def first_words(body, count=8):
    return " ".join(body.split()[:count])
