# %% [markdown]
# The last row is shorter than a block.

# %% exercise="pack" verdict="wrong" caught_by=["test_rows_fill_their_block"]
def pack(ids, block):
    line = [token for document in ids for token in document]
    rows = [line[i : i + block] for i in range(0, len(line), block)]
    return {"input_ids": rows, "labels": [list(row) for row in rows]}


packed = pack(tokenized["input_ids"], profile.block_size)
