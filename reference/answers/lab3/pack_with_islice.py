# %% [markdown]
# Draws blocks from an iterator until one is short; returns a Dataset.

# %% exercise="pack" verdict="right"
from itertools import chain, islice


def pack(ids, block):
    line = chain.from_iterable(ids)
    rows = []
    while len(row := [int(token) for token in islice(line, block)]) == block:
        rows.append(row)
    return Dataset.from_dict({"input_ids": rows, "labels": rows})


packed = pack(tokenized["input_ids"], profile.block_size)
