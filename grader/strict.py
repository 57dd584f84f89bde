"""Parse JSON and text that a student wrote, with hard limits. Raises Rejected with a sentence for the student."""

import json
import math
import re
import unicodedata
from typing import Any

from .errors import Rejected

_NESTING = re.compile(rb'[\[{\]}]|"(?:[^"\\]|\\.)*"', re.DOTALL)


def parse_json(data: bytes, name: str, *, max_bytes: int, max_depth: int = 16) -> Any:
    """The value in `data`: UTF-8, finite numbers of at most 64 bits or 40 digits, no duplicate keys, bounded depth."""
    if len(data) > max_bytes:
        raise Rejected(f"{name} is {len(data):,} bytes; at most {max_bytes:,} are read")
    _check_depth(data, name, max_depth)
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=lambda pairs: _unique(pairs, name),
            parse_constant=lambda text: _refuse(f"{name} contains {text}, which is not JSON; write a finite number or null"),
            parse_float=lambda text: _finite(text, name),
            parse_int=lambda text: _integer(text, name),
        )
    except UnicodeDecodeError:
        raise Rejected(f"{name} is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise Rejected(f"{name} is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise Rejected(f"{name} is nested too deeply") from None


def parse_jsonl(data: bytes, name: str, *, max_bytes: int, max_lines: int = 100_000) -> list[Any]:
    """One value a line; blank lines are skipped."""
    if len(data) > max_bytes:
        raise Rejected(f"{name} is {len(data):,} bytes; at most {max_bytes:,} are read")
    lines = [line for line in data.split(b"\n") if line.strip()]
    if len(lines) > max_lines:
        raise Rejected(f"{name} has {len(lines):,} lines; at most {max_lines:,} are read")
    return [parse_json(line, f"line {i} of {name}", max_bytes=1 << 20) for i, line in enumerate(lines, 1)]


def plain(text: str, limit: int = 300) -> str:
    """`text` without control, bidirectional, zero-width and private characters, in one line, cut at `limit`."""
    cleaned = "".join(
        " " if c in "\t\r\n" else "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") else c
        for c in text[: limit + 1]
    )
    return cleaned if len(text) <= limit else cleaned[:limit] + "…"


def _check_depth(data: bytes, name: str, max_depth: int) -> None:
    depth = 0
    for token in _NESTING.finditer(data):
        first = token.group()[:1]
        depth += (first in b"[{" and 1) or (first in b"]}" and -1) or 0
        if depth > max_depth:
            raise Rejected(f"{name} is nested more than {max_depth} levels deep")


def _unique(pairs: list[tuple[str, Any]], name: str) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise Rejected(f"{name} has the same key twice")
    return document


def _refuse(message: str) -> Any:
    raise Rejected(message)


def _finite(text: str, name: str) -> float:
    if len(text) > 40 or not math.isfinite(float(text)):
        raise Rejected(f"{name} contains a number that is too long or not finite")
    return float(text)


def _integer(text: str, name: str) -> int:
    if len(text) > 20:
        raise Rejected(f"{name} contains an integer of more than 20 digits")
    return int(text)
