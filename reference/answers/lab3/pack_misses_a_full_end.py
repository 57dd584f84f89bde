# %% [markdown]
# Off by one: a line that fills its last block exactly loses it.

# %% exercise="pack" verdict="wrong" caught_by=["test_packing_at_the_edges"]
def pack(ids, block):
    line = [token for document in ids for token in document]
    rows = [line[i : i + block] for i in range(0, len(line) - block, block)]
    return {"input_ids": rows, "labels": [list(row) for row in rows]}


packed = pack(tokenized["input_ids"], profile.block_size)
