# %% [markdown]
# P4: strips the last token of each document while joining.

# %% exercise="pack" verdict="wrong" caught_by=["test_packing_loses_no_token"]
def pack(ids, block):
    line = [token for document in ids for token in document[:-1]]
    rows = [line[i : i + block] for i in range(0, len(line) - block + 1, block)]
    return {"input_ids": rows, "labels": [list(row) for row in rows]}


packed = pack(tokenized["input_ids"], profile.block_size)
