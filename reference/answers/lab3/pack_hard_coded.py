# %% [markdown]
# Uses the profile's block size whatever `block` says.

# %% exercise="pack" verdict="wrong" caught_by=["test_rows_fill_their_block"]
def pack(ids, block):
    size = profile.block_size
    line = [token for document in ids for token in document]
    rows = [line[i : i + size] for i in range(0, len(line) - size + 1, size)]
    return {"input_ids": rows, "labels": [list(row) for row in rows]}


packed = pack(tokenized["input_ids"], profile.block_size)
