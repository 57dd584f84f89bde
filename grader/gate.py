"""A submitted LoRA adapter as data: its config by allow-list, its tensors by exact name, shape and value.

Never `PeftModel.from_pretrained` on a student's folder, never pickle. Raises Rejected with a sentence for the student.
Threats that each rule stops: SECURITY.md, rows 23-29.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import Rejected
from .strict import parse_json, plain
from .tensors import parse_safetensors

MAX_RANK = 256
MAX_ALPHA = 4096
_NAME = re.compile(r"base_model\.model\.(?P<module>[a-z0-9_.]{1,120})\.lora_(?P<side>[AB])(?:\.default)?\.weight")
_ALLOWED = frozenset({
    "peft_type", "task_type", "bias", "r", "lora_alpha", "use_rslora", "target_modules", "init_lora_weights",  # judged in _settings
    "base_model_name_or_path", "revision", "peft_version",  # names: nothing is loaded by them
    "lora_dropout", "inference_mode",  # of no effect on a trained adapter
    "megatron_core", "qalora_group_size",  # of no effect without megatron_config and use_qalora, and never empty
})  # fmt: skip
_KEEP_THE_BASE = (True, False, "gaussian", "orthogonal")  # other initialisations, as PiSSA, train beside a base that they have changed


@dataclass(frozen=True, slots=True)
class Adapter:
    """A validated adapter. `pairs`: module path → (A: (r, in) float32, B: (out, r) float32)."""

    r: int
    lora_alpha: float
    use_rslora: bool
    base_model: str | None
    pairs: dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]

    @property
    def scale(self) -> float:
        """What B @ A is multiplied with: α/r, or α/√r for rank-stabilised LoRA (Kalajdzievski 2023)."""
        return self.lora_alpha / (math.sqrt(self.r) if self.use_rslora else self.r)

    def facts(self) -> dict[str, Any]:
        """What checks see: settings, targets and layers as the weights say them, Frobenius norms."""
        layers = {m[1] for path in self.pairs if (m := re.search(r"\.layers\.(\d+)\.", path))}
        return {
            "r": self.r,
            "lora_alpha": self.lora_alpha,
            "use_rslora": self.use_rslora,
            "base_model": self.base_model,
            "target_modules": sorted({path.rpartition(".")[2] for path in self.pairs}),
            "layers": len(layers),
            "pairs": len(self.pairs),
            "a_norms": {path: float(np.linalg.norm(a)) for path, (a, _) in self.pairs.items()},
            "b_norms": {path: float(np.linalg.norm(b)) for path, (_, b) in self.pairs.items()},
        }


def parse_adapter(config: bytes, tensors: bytes, base_shapes: Mapping[str, tuple[int, ...]]) -> Adapter:
    """The adapter, or Rejected. `base_shapes`: module path → (out, in) of every linear layer of the course's base."""
    settings = _settings(parse_json(config, "adapter_config.json", max_bytes=1 << 16, max_depth=6))
    arrays = parse_safetensors(tensors, "adapter_model.safetensors")
    sides: dict[str, dict[str, np.ndarray[Any, Any]]] = {}
    for name, array in arrays.items():
        match = _NAME.fullmatch(name)
        if match is None or match["module"] not in base_shapes:
            raise Rejected(f"adapter_model.safetensors holds {plain(name, 120)!r}, which is no LoRA matrix of a linear layer of this base")
        if array.dtype.kind != "f" or array.ndim != 2:
            raise Rejected(f"{plain(name, 120)!r} is not a matrix of floats")
        if not np.isfinite(array).all():
            raise Rejected(f"the adapter holds NaN or infinite values (first in {plain(name, 120)!r}): the training diverged")
        if not f".{match['module']}".endswith(settings["targets"]):
            raise Rejected(f"the adapter holds {plain(name, 120)!r}, which target_modules in adapter_config.json does not name")
        matrices = sides.setdefault(match["module"], {})
        if match["side"] in matrices:
            raise Rejected(f"the adapter holds {plain(name, 120)!r} twice, with and without `.default`")
        matrices[match["side"]] = array.astype(np.float32)
    if not sides:
        raise Rejected("adapter_model.safetensors holds no LoRA matrices")
    pairs = {module: _pair(module, matrices, settings["r"], base_shapes[module]) for module, matrices in sorted(sides.items())}
    return Adapter(settings["r"], settings["lora_alpha"], settings["use_rslora"], settings["base_model"], pairs)


def _settings(config: Any) -> dict[str, Any]:
    if not isinstance(config, dict):
        raise Rejected("adapter_config.json is not an object")
    if config.get("peft_type") != "LORA":
        raise Rejected("adapter_config.json: peft_type is not LORA")
    if config.get("task_type") not in ("CAUSAL_LM", None):
        raise Rejected("adapter_config.json: task_type is not CAUSAL_LM")
    if config.get("bias", "none") != "none":
        raise Rejected("adapter_config.json: bias is not 'none'")
    for key, value in config.items():
        if key == "auto_mapping" and _is_unsloths(value):
            continue
        if key not in _ALLOWED and value not in (None, False, "", {}, []):
            raise Rejected(f"adapter_config.json sets {plain(key, 60)}, which this course does not use; leave it at its default")
    if config.get("init_lora_weights", True) not in _KEEP_THE_BASE:
        raise Rejected("adapter_config.json: init_lora_weights is not true, which leaves the base as it is")
    r: Any = config.get("r")
    alpha: Any = config.get("lora_alpha")
    if type(r) is not int or not 1 <= r <= MAX_RANK:
        raise Rejected(f"adapter_config.json: r is not an integer between 1 and {MAX_RANK}")
    if type(alpha) not in (int, float) or not 0 < alpha <= MAX_ALPHA:
        raise Rejected(f"adapter_config.json: lora_alpha is not a number between 0 and {MAX_ALPHA}")
    targets = config.get("target_modules")
    if not isinstance(targets, (str, list)):
        raise Rejected("adapter_config.json: target_modules is neither a list of names nor a pattern")
    if isinstance(targets, list) and not all(isinstance(name, str) for name in targets):
        raise Rejected("adapter_config.json: target_modules holds something that is no name")
    base = config.get("base_model_name_or_path")
    return {
        "r": r,
        "lora_alpha": float(alpha),
        "use_rslora": config.get("use_rslora") is True,
        "base_model": plain(base, 200) if isinstance(base, str) else None,
        "targets": tuple(f".{name}" for name in targets)
        if isinstance(targets, list)
        else ("",),  # a pattern of a student's is never matched
    }


def _is_unsloths(value: Any) -> bool:
    """Is it the `auto_mapping` that Unsloth writes on a GPU? It names the base's class; nothing here imports it."""
    return (
        isinstance(value, dict)
        and value.keys() == {"base_model_class", "parent_library", "unsloth_fixed"}
        and value["unsloth_fixed"] is True
        and bool(re.fullmatch(r"[A-Za-z0-9]{1,60}ForCausalLM", str(value["base_model_class"])))
        and bool(re.fullmatch(r"transformers\.models\.([a-z0-9_]{1,40})\.modeling_\1", str(value["parent_library"])))
    )


def _pair(
    module: str, matrices: Mapping[str, np.ndarray[Any, Any]], r: int, shape: tuple[int, ...]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    a, b = matrices.get("A"), matrices.get("B")
    if a is None or b is None:
        raise Rejected(f"the adapter has only one of the two LoRA matrices of {module}")
    expected = ((r, shape[1]), (shape[0], r))
    if (a.shape, b.shape) != expected:
        raise Rejected(
            f"the LoRA matrices of {module} have shapes {a.shape} and {b.shape}; expected {expected[0]} and {expected[1]} for r={r} on this base"
        )
    return a, b
