"""Seed every random generator that the labs use."""

import random


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch (all CUDA devices included) with `seed`.

    Call it *before* the model is built: LoRA's A matrices are drawn at random when adapters are added.
    """
    import numpy
    import torch

    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    torch.manual_seed(seed)
