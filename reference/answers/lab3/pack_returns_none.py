# %% [markdown]
# Returns None where no block fills.

# %% exercise="pack" verdict="wrong" caught_by=["test_packing_at_the_edges"]
def pack(ids, block):
    line = [i for d in ids for i in d]
    if len(line) < block:
        return None
    rows = [line[i : i + block] for i in range(0, len(line) - block + 1, block)]
    return {"input_ids": rows, "labels": [r[:] for r in rows]}


packed = pack(tokenized["input_ids"], profile.block_size)
