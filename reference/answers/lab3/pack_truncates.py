# %% [markdown]
# P6: the first block of each document; the rest is dropped.

# %% exercise="pack" verdict="wrong" caught_by=["test_packing_loses_no_token"]
def pack(ids, block):
    rows = [document[:block] for document in ids if len(document) >= block]
    return {"input_ids": rows, "labels": [list(row) for row in rows]}


packed = pack(tokenized["input_ids"], profile.block_size)
