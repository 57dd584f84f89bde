"""Read safetensors that a student's run wrote as plain numpy arrays: header checked byte by byte, nothing executed.

Format: https://huggingface.co/docs/safetensors. Raises Rejected. Does not decide which tensors are wanted.
"""

import math
import struct
from typing import Any

import numpy as np

from .errors import Rejected
from .strict import parse_json

MAX_HEADER_BYTES = 1 << 20
_DTYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8", "I64": "<i8",
    "F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip


def parse_safetensors(data: bytes, name: str) -> dict[str, np.ndarray[Any, Any]]:
    """All tensors of a safetensors file; BF16 comes as float32. Offsets must be contiguous and fill the file."""
    if len(data) < 10:
        raise Rejected(f"{name} is not a safetensors file: it is {len(data)} bytes long")
    (header_bytes,) = struct.unpack("<Q", data[:8])
    if not 2 <= header_bytes <= MAX_HEADER_BYTES or 8 + header_bytes > len(data):
        raise Rejected(f"{name} is not a safetensors file: its header's length does not fit")
    header = parse_json(data[8 : 8 + header_bytes], f"the header of {name}", max_bytes=MAX_HEADER_BYTES, max_depth=3)
    if not isinstance(header, dict):
        raise Rejected(f"{name} is not a safetensors file: its header is not an object")
    header.pop("__metadata__", None)
    body = memoryview(data)[8 + header_bytes :]
    tensors: dict[str, np.ndarray[Any, Any]] = {}
    position = 0
    entries = {key: _entry(key, value, name) for key, value in header.items()}
    for key, (dtype, shape, start, end) in sorted(entries.items(), key=lambda item: item[1][2:]):
        size = math.prod(shape) * np.dtype(_DTYPES[dtype]).itemsize
        if start != position or end - start != size or end > len(body):
            raise Rejected(f"{name} is damaged: the bytes of {key!r} do not match its shape")
        position = end
        array = np.frombuffer(body[start:end], dtype=_DTYPES[dtype]).reshape(shape)
        tensors[key] = (array.astype("<u4") << 16).view("<f4") if dtype == "BF16" else array
    if position != len(body):
        raise Rejected(f"{name} is damaged: {len(body) - position:,} bytes belong to no tensor")
    return tensors


def _entry(key: str, value: Any, name: str) -> tuple[str, tuple[int, ...], int, int]:
    fields: dict[str, Any] = value if isinstance(value, dict) else {}
    dtype, shape, offsets = fields.get("dtype", ""), fields.get("shape", ()), fields.get("data_offsets", ())
    if (
        not isinstance(dtype, str)
        or dtype not in _DTYPES
        or not _are_sizes(shape, 8)
        or not _are_sizes(offsets, 2)
        or len(offsets) != 2
        or len(key) > 300
    ):
        raise Rejected(f"{name} is damaged: the entry of a tensor has no valid dtype, shape and offsets")
    return dtype, tuple(shape), offsets[0], offsets[1]


def _are_sizes(value: Any, most: int) -> bool:
    return isinstance(value, list) and len(value) <= most and all(type(n) is int and 0 <= n < 2**40 for n in value)
