"""What a student may be told of code that has seen the hidden inputs: enough to find the mistake, and not the inputs.

What such code raised, named or returned is the student's to choose, and could carry what it was called with. So an exception's
kind is told where it is Python's own, and of its message the part that is Python's or torch's own words; and a hint quotes
nothing long from what a function returned.
"""

import builtins
import re
from collections.abc import Mapping
from typing import Any

_KINDS = {name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)} | {
    "JSONDecodeError",
    "OutOfMemoryError",
}
_TYPE = (
    "(?:NoneType|int|float|complex|str|bytes|bool|list|tuple|dict|set|frozenset|range|slice|type|function|method|generator|module|object"
    "|dict_keys|dict_values|dict_items|zip|map|filter|enumerate|torch.Tensor|Tensor|numpy.ndarray|ndarray|Dataset|BatchEncoding)"
)
_NUMBER, _OPERATOR = r"-?\d{1,5}", r"(?:[-+*/%@&|^<>=]{1,3}|\*\* or pow\(\))"
_OWN_WORDS = [
    pattern.replace("TYPE", _TYPE).replace("NUMBER", _NUMBER).replace("OPERATOR", _OPERATOR)
    for pattern in (
        r"'TYPE' object is not (?:iterable|subscriptable|callable|an iterator|reversible)",
        r"'TYPE' object has no attribute",
        r"'TYPE' object does not support item (?:assignment|deletion)",
        r"'TYPE' object cannot be interpreted as an integer",
        r"object of type 'TYPE' has no len\(\)",
        r"unhashable type: 'TYPE'",
        r"cannot unpack non-iterable TYPE object",
        r"(?:too many|not enough) values to unpack \(expected NUMBER(?:, got NUMBER)?\)",
        r"unsupported operand type\(s\) for OPERATOR: 'TYPE' and 'TYPE'",
        r"'OPERATOR' not supported between instances of 'TYPE' and 'TYPE'",
        r'can only concatenate TYPE \(not "TYPE"\) to TYPE',
        r"can't multiply sequence by non-int of type 'TYPE'",
        r"(?:list|tuple|string|pop|list assignment) index out of range",
        r"(?:list|tuple|string) indices must be integers(?: or slices)?, not '?TYPE'?",
        r"pop from empty list",
        r"division by zero",
        r"math domain error",
        r"(?:max|min)\(\) (?:arg is an empty sequence|iterable argument is empty)",
        r"maximum recursion depth exceeded",
        r"invalid literal for int\(\) with base 10",
        r"could not convert string to float",
        r"expected (?:str|a string|bytes)(?: or bytes-like object)?, (?:got|not) 'TYPE'",
        r"sequence item NUMBER: expected str instance, TYPE found",
        r"missing NUMBER required (?:positional|keyword-only) arguments?",
        r"takes (?:from )?NUMBER(?: to NUMBER)? positional arguments? but NUMBER (?:was|were) given",
        r"got an unexpected keyword argument",
        r"got multiple values for argument",
        r"cannot access local variable",
        r"The size of tensor a \(NUMBER\) must match the size of tensor b \(NUMBER\)(?: at non-singleton dimension NUMBER)?",
        r"mat1 and mat2 shapes cannot be multiplied \(NUMBERxNUMBER and NUMBERxNUMBER\)",
        r"index NUMBER is out of bounds for (?:dimension|axis) NUMBER with size NUMBER",
        r"index out of range in self",
        r"Dimension out of range \(expected to be in range of \[NUMBER, NUMBER\], but got NUMBER\)",
        r"Sizes of tensors must match except in dimension NUMBER",
        r"stack expects (?:each tensor to be equal size|a non-empty TensorList)",
        r"expected sequence of length NUMBER at dim NUMBER \(got NUMBER\)",
        r"Expected all tensors to be on the same device",
        r"only (?:one element tensors|length-1 arrays) can be converted",
        r"Boolean value of Tensor with (?:no|more than one) values? is ambiguous",
        r"it was still running when its time was up",
    )
]
_SAFE = re.compile("|".join(_OWN_WORDS))


def describe_raised(document: Mapping[str, Any]) -> str:
    """`TypeError (in line 3 of the cell): 'NoneType' object is not iterable`, from {raised, message, line}, all optional claims."""
    kind, line, message = document.get("raised"), document.get("line"), document.get("message")
    told = kind if isinstance(kind, str) and kind in _KINDS else "an error of its own kind"
    if type(line) is int and 0 < line < 10_000:
        told += f" (in line {line} of the cell)"
    safe = _SAFE.search(message[:500]) if isinstance(message, str) else None
    return f"{told}: {safe[0]}" if safe else told


LONGEST_QUOTE = 24  # characters in a row
_STEP = LONGEST_QUOTE // 2


def without_quotes(hint: str, returned: str, known: str) -> str:
    """`hint` with "…" in place of every long part that stands in `returned` (texts of a student's functions) and not in `known`."""
    out = list(hint)
    start = 0
    while start + _STEP <= len(hint):
        end = start + _STEP
        if hint[start:end] not in returned:
            start += _STEP
            continue
        while end < len(hint) and hint[start : end + 1] in returned:
            end += 1
        first = start
        while first > 0 and hint[first - 1 : end] in returned:
            first -= 1
        if end - first > LONGEST_QUOTE and hint[first:end] not in known:
            out[first:end] = ["…", *[""] * (end - first - 1)]
        start = end
    return "".join(out)
