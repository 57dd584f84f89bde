# %% [markdown]
# Moves on by half a block: every token is there twice.

# %% exercise="pack" verdict="wrong" caught_by=["test_packing_loses_no_token"]
def pack(ids, block):
    line = [token for document in ids for token in document]
    rows = [line[i : i + block] for i in range(0, len(line) - block + 1, block // 2)]
    return {"input_ids": rows, "labels": [list(row) for row in rows]}


packed = pack(tokenized["input_ids"], profile.block_size)
