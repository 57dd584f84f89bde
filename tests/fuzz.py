"""Mutated notebooks, adapters, configs, cards, JSON Lines and zips against the parsers that read what students hand in.

    python -m tests.fuzz --cases 10000 --seed 1

Each case must end with a value, or with Rejected or UsageError and a sentence, within 5 s of processor time; the process
must not grow by more than 200 MB. A case is made from its seed and number alone, so `--only KIND:NUMBER` repeats one.
Prints a line a kind; exits with 1 and the numbers of the cases that failed.
"""

import argparse
import base64
import copy
import io
import json
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from grader import card
from grader.build import notebook_path
from grader.errors import Rejected, UsageError
from grader.gate import parse_adapter
from grader.notebook import parse_notebook
from grader.source import ROOT
from grader.strict import parse_jsonl
from grader.submissions import find_submissions
from grader.tensors import parse_safetensors

CPU_S = 5
GROWTH_BYTES = 200 << 20
SHAPES = {"model.layers.0.self_attn.q_proj": (6, 4), "model.layers.0.mlp.down_proj": (4, 8)}

Make = Callable[[random.Random], bytes]
Read = Callable[[bytes, Path], object]


class TooSlow(Exception):
    """A case used more processor time than it may."""


@dataclass(slots=True)
class Tally:
    """What became of one kind's cases."""

    read: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    failed: list[str] = field(default_factory=list)


# Seeds: real files, and what is like them


def an_adapter() -> tuple[bytes, bytes]:
    """(adapter_config.json, adapter_model.safetensors) that the gate lets through."""
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "lora_alpha": 4, "target_modules": list(SHAPES), "bias": "none"}
    header: dict[str, Any] = {}
    body = b""
    for module, (out, into) in SHAPES.items():
        for side, shape in (("A", (2, into)), ("B", (out, 2))):
            data = np.ones(shape, dtype="<f4").tobytes()
            offsets = [len(body), len(body) + len(data)]
            header[f"base_model.model.{module}.lora_{side}.weight"] = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
            body += data
    text = json.dumps(header).encode()
    return json.dumps(config).encode(), struct.pack("<Q", len(text)) + text + body


def a_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ann_lab3.ipynb", b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "1"}]}')
        archive.writestr("bob/lab3/lab3_local_data_prep.ipynb", NOTEBOOK[:3000])
        archive.writestr("__MACOSX/._ann_lab3.ipynb", b"y")
    return buffer.getvalue()


NOTEBOOK = notebook_path(3, "local").read_bytes()
CONFIG, TENSORS = an_adapter()
CARD = (ROOT / "MODEL_CARD.md").read_bytes()
LINES = b"".join(json.dumps({"step": n, "loss": 5.0 / n, "text": "a note °C"}).encode() + b"\n" for n in range(1, 30))
ZIP = a_zip()

# Mutations

HOSTILE: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, 10**18, 1e308, -0.0, "", "\ud800", "\x00", "\u202e" * 50, "a" * 100_000, "../" * 40, "/etc/passwd",
    [], {}, [[]], [None] * 5000, {"": {}}, {"__class__": "x"}, "!!python/object/apply:os.system [id]", "((a+)+)+$", "9" * 5000,
)  # fmt: skip
TEXTS = (
    b"NaN", b"Infinity", b"1" * 5000, b"[" * 3000, b'{"a":' * 3000, b"\xff\xfe", b"\xed\xa0\x80", b"&a [*a,*a]", b"*a", b"!!python/name:os.system",
    b"---\n", b"\n---\n", b"|" * 2000, b"# " * 500, b"```" * 300, b"not " * 2000, b"clinical, " * 1000, b"and may be used " * 500, b"\r", b"\x1b]0;x\x07",
    b'"a": 1, "a": 1', b"\\u0000", b"<script>alert(1)</script>", b"\xe2\x80\xae", b"e9999999999", b"- " * 4000, b": " * 3000,
)  # fmt: skip


def bytes_changed(data: bytes, chance: random.Random) -> bytes:
    """Some bytes flipped, cut, doubled or replaced by what hurts parsers."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(out) + 1)
        until = min(len(out), at + chance.choice((1, 2, 8, 64, 1000)))
        match chance.randrange(6):
            case 0 if out:
                out[min(at, len(out) - 1)] = chance.randrange(256)
            case 1:
                del out[at:until]
            case 2:
                out[at:at] = out[at:until] * chance.choice((1, 2, 50))
            case 3:
                out[at:at] = chance.choice(TEXTS)
            case 4:
                out[at:until] = chance.choice(TEXTS)
            case _:
                del out[at:]
    return bytes(out)


def bytes_flipped(data: bytes, chance: random.Random) -> bytes:
    """A few bytes changed where they stand: lengths stay."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        out[chance.randrange(len(out))] = chance.randrange(256)
    return bytes(out)


def nodes_changed(data: bytes, chance: random.Random) -> bytes:
    """A JSON document with some of its values, or keys, replaced."""
    document = json.loads(data)
    for _ in range(chance.randint(1, 4)):
        node: Any = document
        while isinstance(node, (dict, list)) and node:
            key: Any = chance.choice(list(node)) if isinstance(node, dict) else chance.randrange(len(node))
            if chance.random() < 0.4 or not isinstance(node[key], (dict, list)) or not node[key]:
                if isinstance(node, dict) and chance.random() < 0.2:
                    node[str(chance.choice(HOSTILE))[:50]] = node.pop(key)
                else:
                    node[key] = copy.deepcopy(chance.choice(HOSTILE))
                break
            node = node[key]
    return json.dumps(document).encode("utf-8", "surrogatepass")


def lines_shuffled(data: bytes, chance: random.Random) -> bytes:
    """Some lines dropped, doubled, moved or begun otherwise."""
    lines = data.split(b"\n")
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(lines))
        match chance.randrange(4):
            case 0:
                lines[at] = chance.choice(TEXTS) + lines[at]
            case 1:
                lines.insert(chance.randrange(len(lines)), lines[at])
            case 2 if len(lines) > 1:
                del lines[at]
            case _:
                lines[at] = lines[at] * chance.choice((1, 3, 200))
    return b"\n".join(lines)


def json_made(seed: bytes) -> Make:
    return lambda chance: chance.choice((bytes_changed, nodes_changed))(seed, chance)


def adapter_made(chance: random.Random) -> bytes:
    """Config and weights with either changed, or the weights' header as JSON, joined by a length."""
    config, tensors = CONFIG, TENSORS
    if chance.random() < 0.5:
        config = json_made(CONFIG)(chance)
    elif chance.random() < 0.5:
        tensors = bytes_changed(TENSORS, chance)
    else:
        (size,) = struct.unpack("<Q", TENSORS[:8])
        header = nodes_changed(TENSORS[8 : 8 + size], chance)
        tensors = struct.pack("<Q", len(header)) + header + TENSORS[8 + size :]
    return struct.pack("<Q", len(config)) + config + tensors


# Readers


def read_adapter(data: bytes, _: Path) -> object:
    (size,) = struct.unpack("<Q", data[:8])
    return parse_adapter(data[8 : 8 + size], data[8 + size :], SHAPES).facts()


def read_card(data: bytes, _: Path) -> object:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Rejected("not UTF-8") from None
    parsed = card.parse_card(text)
    for sentence in card.sentences(parsed.body):
        card.promises_clinical_use(sentence)
    card.names_its_purpose(parsed.body)
    card.asks_for_the_same_licence(parsed.body)
    card.tables(parsed)
    return card.evaluations(parsed.metadata)


def read_zip(data: bytes, folder: Path) -> object:
    (folder / "in.zip").write_bytes(data)
    found = find_submissions(folder / "in.zip", 3, folder / "work")
    return parse_notebook(found[0].path.read_bytes(), frozenset())


KINDS: dict[str, tuple[Make, Read]] = {
    "notebook": (json_made(NOTEBOOK), lambda data, _: parse_notebook(data, frozenset({"clean", "pack"}))),
    "adapter": (adapter_made, read_adapter),
    "safetensors": (
        lambda chance: chance.choice((bytes_changed, bytes_flipped))(TENSORS, chance),
        lambda data, _: parse_safetensors(data, "a file"),
    ),
    "card": (lambda chance: chance.choice((bytes_changed, lines_shuffled))(CARD, chance), read_card),
    "jsonl": (
        lambda chance: chance.choice((bytes_changed, lines_shuffled))(LINES, chance),
        lambda data, _: parse_jsonl(data, "a file", max_bytes=1 << 20),
    ),
    "zip": (lambda chance: chance.choice((bytes_changed, bytes_flipped))(ZIP, chance), read_zip),
}


def one_case(kind: str, seed: int, number: int, tally: Tally, keep: Path | None = None) -> None:
    """Make one case and read it."""
    make, read = KINDS[kind]
    data = make(random.Random(f"{seed}-{kind}-{number}"))
    started = time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_S)
    try:
        with tempfile.TemporaryDirectory() as folder:
            read(data, Path(folder))
        tally.read += 1
    except (Rejected, UsageError) as error:
        tally.refused += 1
        if not str(error).strip():
            tally.failed.append(f"{kind}:{number} was refused without a sentence")
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        where = traceback.extract_tb(error.__traceback__)[-1]
        tally.failed.append(f"{kind}:{number} {type(error).__name__}: {str(error)[:80]} ({Path(where.filename).name}:{where.lineno})")
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{kind}-{number}.b64").write_bytes(base64.encodebytes(data))
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        tally.slowest_s = max(tally.slowest_s, time.process_time() - started)


def fuzz(cases: int, seed: int, keep: Path | None = None) -> tuple[dict[str, Tally], int]:
    """(kind → tally, bytes that the process grew by), over `cases` cases, shared among the kinds."""

    def stop(*_: Any) -> None:
        raise TooSlow(f"more than {CPU_S} s of processor time")

    signal.signal(signal.SIGVTALRM, stop)
    tallies = {kind: Tally() for kind in KINDS}
    before = 0
    for number in range(cases):
        kind = list(KINDS)[number % len(KINDS)]
        one_case(kind, seed, number, tallies[kind], keep)
        if number == 20 * len(KINDS):  # imports, caches and the largest seeds are in by now
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return tallies, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 if before else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", metavar="KIND:NUMBER", help="repeat one case")
    parser.add_argument("--keep", type=Path, help="folder for the inputs of failed cases")
    options = parser.parse_args()
    if options.only:
        kind, _, number = options.only.partition(":")
        tally = Tally()
        signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
        one_case(kind, options.seed, int(number), tally, options.keep)
        print(tally)
        return bool(tally.failed)
    tallies, grown = fuzz(options.cases, options.seed, options.keep)
    print(f"{'kind':12} {'cases':>6} {'read':>6} {'refused':>8} {'failed':>7} {'slowest':>9}")
    for kind, tally in tallies.items():
        total = tally.read + tally.refused + len(tally.failed)
        print(f"{kind:12} {total:6} {tally.read:6} {tally.refused:8} {len(tally.failed):7} {tally.slowest_s:7.2f} s")
    print(f"the process grew by {grown / 1e6:.0f} MB; seed {options.seed}")
    failed = [line for tally in tallies.values() for line in tally.failed]
    print("\n".join(failed))
    return bool(failed or grown > GROWTH_BYTES)


if __name__ == "__main__":
    sys.exit(main())
