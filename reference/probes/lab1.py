"""Hidden inputs of Lab 1: what the student's functions are tried on. No expected values here."""

import importlib.metadata
import platform
import random

import numpy as np
import torch

from boxed import probe

CAPABILITIES = [(6, 1), (7, 0), (7, 5), (7, 8), (8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (12, 0)]
PACKAGES = ["torch", "transformers", "peft", "trl", "datasets", "unsloth"]
SEEDS = [0, 1, 1_001, 20_260, 2**16, 2**31, 2**32 - 1]  # equal ones among them, modulo 1,000 or a power of two


def _draws():
    """Four numbers of each global generator."""
    return {
        "random": [random.random() for _ in range(4)],
        "numpy": np.random.random(4).tolist(),
        "torch": torch.rand(4).tolist(),
    }


@probe
def devices_without_cuda(pick_device):
    return [pick_device(False, capability) for capability in (None, (7, 5), (9, 0))]


@probe
def devices_with_cuda(pick_device):
    return [{"capability": list(capability), "choice": pick_device(True, capability)} for capability in CAPABILITIES]


@probe
def kernel():
    """This kernel as it is."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    cuda = torch.cuda.is_available()
    return {
        "python": platform.python_version(),
        "packages": versions,
        "cuda": cuda,
        "capability": list(torch.cuda.get_device_capability()) if cuda else None,
    }


@probe
def device_chosen_here(pick_device):
    cuda = torch.cuda.is_available()
    return pick_device(cuda, torch.cuda.get_device_capability() if cuda else None)


@probe
def draws(seed_everything):
    """For each seed what is drawn after it, twice, with other draws and another seed between."""
    found = []
    for seed in SEEDS:
        seed_everything(seed)
        first = _draws()
        _draws()
        seed_everything(seed // 2 + 99)
        seed_everything(seed)
        found.append({"first": first, "again": _draws()})
    return found


@probe
def model_format(model):
    return sorted({str(parameter.dtype).removeprefix("torch.") for parameter in model.parameters()})


@probe
def prompt_ids(tokenizer):
    return tokenizer("The patient was a 63-year-old woman with a history of")["input_ids"]
