# %% [markdown]
# P6: cuts each document on its own and drops every tail.

# %% exercise="pack" verdict="wrong" caught_by=["test_packing_loses_no_token"]
def pack(ids, block):
    rows = [d[i : i + block] for d in ids for i in range(0, len(d) - block + 1, block)]
    return {"input_ids": rows, "labels": [list(row) for row in rows]}


packed = pack(tokenized["input_ids"], profile.block_size)
