# %% [markdown]
# One array, reshaped; labels are the same array.

# %% exercise="pack" verdict="right"
import numpy as np


def pack(ids, block):
    line = np.concatenate([np.asarray(document, dtype=np.int64) for document in ids])
    rows = line[: len(line) // block * block].reshape(-1, block)
    return {"input_ids": rows, "labels": rows}


packed = pack(tokenized["input_ids"], profile.block_size)
