"""Find the course's folder and read the profile of this machine from `train/config.json`."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
GPU_BYTES = 22 * 2**30  # a 7B model in bf16 is 14.5 GB before anything is trained; cards sold as 24 GB have 23


@dataclass(frozen=True)
class Profile:
    """One section of `train/config.json`: which base model, and every number that a notebook uses."""

    name: str
    base_model: str  # a folder or a Hub name: what `from_pretrained` is given
    base_model_id: str  # the public name: what a model card and an adapter config should say
    block_size: int  # tokens per packed block
    load_in_4bit: bool
    dtype: str
    lora: dict[str, Any]
    train: dict[str, Any]
    eval: dict[str, Any]
    sweep: dict[str, Any] = field(default_factory=dict)


def load_profile(name: str | None = None) -> Profile:
    """The profile called `name`, else `$DRAGON_PROFILE`, else what suits this machine (`gpu`, `t4` or `tiny`)."""
    profiles = json.loads((ROOT / "train" / "config.json").read_text())["profiles"]
    name = name or os.environ.get("DRAGON_PROFILE") or _suitable()
    if name not in profiles:
        raise ValueError(f"profile {name!r} is not in train/config.json; choose one of {', '.join(profiles)}")
    return Profile(name=name, **profiles[name])


def _suitable() -> str:
    import torch

    if not torch.cuda.is_available():
        return "tiny"
    has_room = torch.cuda.get_device_properties(0).total_memory >= GPU_BYTES
    return "gpu" if torch.cuda.get_device_capability() >= (8, 0) and has_room else "t4"
