"""Python objects of a notebook → JSON and tensors that the grader can parse without trusting them.

`encode` is the only place that knows what torch, datasets and transformers objects look like; it imports none of them
(an object of a library that is not loaded cannot exist). It does not write files and never pickles.
"""

import hashlib
import math
import sys
from collections.abc import Mapping
from typing import Any

MAX_ITEMS = 6_000_000  # leaves of one value; the largest honest one (packed real rows) has about half a million
MAX_DEPTH = 12
MAX_TEXT = 8 << 20  # characters of one string


class Unencodable(Exception):
    """The value is too large, too deep or of a kind that evidence cannot carry."""


def encode(value: Any) -> tuple[Any, dict[str, Any]]:
    """JSON form of `value`, and the arrays that it refers to as `{"$": "tensor", "key": …}`.

    Raises Unencodable.
    """
    encoder = _Encoder()
    return encoder.encode(value, 0), encoder.arrays


class _Encoder:
    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}
        self.items = 0

    def encode(self, value: Any, depth: int) -> Any:
        self.items += 1
        if self.items > MAX_ITEMS:
            raise Unencodable(f"it holds more than {MAX_ITEMS:,} items")
        if depth > MAX_DEPTH:
            raise Unencodable(f"it is nested more than {MAX_DEPTH} levels deep")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            if abs(value) >= 2**63:
                raise Unencodable("it holds an integer of more than 64 bits")
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"$": "float", "value": repr(float(value))}
        if isinstance(value, str):
            if len(value) > MAX_TEXT:
                raise Unencodable("it holds a string of more than 8 million characters")
            return str(value)
        special = self._special(value, depth)
        if special is not None:
            return special
        if isinstance(value, Mapping):
            return {_key(k): self.encode(v, depth + 1) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.encode(v, depth + 1) for v in value]
        if isinstance(value, (set, frozenset)):
            return sorted((self.encode(v, depth + 1) for v in value), key=repr)
        if callable(value):
            return {"$": "function"}
        raise Unencodable(f"it is a {type(value).__name__}")

    def _special(self, value: Any, depth: int) -> Any:
        """Objects of the libraries that are loaded; None when `value` is none of them."""
        for module, kind, describe in (  # defining modules: asking a lazy package for a name would import what is not there
            ("torch", "Tensor", self._tensor),
            ("torch", "dtype", str),
            ("torch", "device", str),
            ("torch.nn", "Module", model_facts),
            ("torch.optim", "Optimizer", optimizer_facts),
            ("numpy", "ndarray", self._array),
            ("numpy", "generic", lambda v: self.encode(v.item(), depth)),
            ("pathlib", "PurePath", str),
            ("datasets.arrow_dataset", "Dataset", lambda v: self.encode({c: v[c][:] for c in v.column_names}, depth)),
            ("pandas", "DataFrame", lambda v: self.encode(v.to_dict("list"), depth)),
            ("transformers.tokenization_utils_base", "BatchEncoding", lambda v: self.encode(dict(v), depth)),
            ("transformers.training_args", "TrainingArguments", lambda v: self._arguments(v, depth)),
            ("transformers.tokenization_utils_base", "PreTrainedTokenizerBase", tokenizer_facts),
        ):
            cls = getattr(sys.modules.get(module), kind, None)
            if isinstance(cls, type) and isinstance(value, cls):
                return describe(value)
        return None

    def _tensor(self, tensor: Any) -> Any:
        import torch

        tensor = tensor.detach().cpu()
        return self._array((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy())

    def _array(self, array: Any) -> Any:
        import numpy

        self.items += array.size
        if array.dtype.kind not in "biuf" or self.items > MAX_ITEMS * 4:
            raise Unencodable(f"it is an array of {array.dtype} with {array.size:,} elements")
        key = f"t{len(self.arrays)}"
        self.arrays[key] = numpy.ascontiguousarray(array)
        return {"$": "tensor", "key": key}

    def _arguments(self, arguments: Any, depth: int) -> Any:
        fields = {k: v for k, v in arguments.to_dict().items() if isinstance(v, (bool, int, float, str, type(None)))}
        return {"$": "arguments", "class": type(arguments).__name__, **self.encode(fields, depth + 1)}


def _key(key: Any) -> str:
    text = str(key)
    return "$" + text if text.startswith("$") else text


def model_facts(model: Any) -> dict[str, Any]:
    """What a model is made of: counts, trainable shapes, LoRA settings, and a sha256 over everything that is not LoRA."""
    named = dict(model.named_parameters())
    trainable = {n: list(p.shape) for n, p in named.items() if p.requires_grad}
    embed, head = _weight(model, "get_input_embeddings"), _weight(model, "get_output_embeddings")
    return {
        "$": "model",
        "class": type(model).__name__,
        "parameters": sum(p.numel() for p in named.values()),
        "trainable": sum(math.prod(s) for s in trainable.values()),
        "trainable_shapes": trainable,
        "tied": embed is not None and embed is head,
        "base_sha256": base_sha256(named),
        "lora": _lora_settings(model),
    }


def base_sha256(named: Mapping[str, Any]) -> str:
    """sha256 over name-sorted fp32 bytes of all parameters that are not LoRA's, by their names in the base model."""
    digest = hashlib.sha256()
    plain = {n.removeprefix("base_model.model.").replace(".base_layer", ""): p for n, p in named.items() if "lora_" not in n}
    for name in sorted(plain):
        digest.update(name.encode())
        tensor = plain[name].detach().cpu()
        digest.update((tensor.float() if tensor.is_floating_point() else tensor).numpy().tobytes())
    return digest.hexdigest()


def _weight(model: Any, getter: str) -> Any:
    get = getattr(model, getter, None)
    return getattr(get() if get else None, "weight", None)


def _lora_settings(model: Any) -> dict[str, Any] | None:
    config = getattr(model, "peft_config", None)
    config = config.get("default") if isinstance(config, dict) else None
    if config is None or not hasattr(config, "r"):
        return None
    targets = config.target_modules
    return {
        "r": config.r,
        "lora_alpha": config.lora_alpha,
        "lora_dropout": config.lora_dropout,
        "use_rslora": bool(config.use_rslora),
        "target_modules": sorted(targets) if isinstance(targets, (set, list, tuple)) else targets,
        "modules_to_save": sorted(config.modules_to_save or []),
    }


def optimizer_facts(optimizer: Any) -> dict[str, Any]:
    """Class and parameter groups (learning rate, weight decay, number of parameters)."""
    groups = [
        {"lr": float(g["lr"]), "weight_decay": float(g.get("weight_decay", 0.0)), "parameters": sum(p.numel() for p in g["params"])}
        for g in optimizer.param_groups
    ]
    return {"$": "optimizer", "class": type(optimizer).__name__, "param_groups": groups}


def tokenizer_facts(tokenizer: Any) -> dict[str, Any]:
    """Vocabulary size, special token ids and padding side."""
    special = {k: getattr(tokenizer, f"{k}_token_id", None) for k in ("bos", "eos", "pad", "unk")}
    return {"$": "tokenizer", "vocabulary": len(tokenizer), "special": special, "padding_side": tokenizer.padding_side}
