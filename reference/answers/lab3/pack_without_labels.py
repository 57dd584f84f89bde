# %% [markdown]
# Returns no labels.

# %% exercise="pack" verdict="wrong" caught_by=["test_labels_are_the_ids"]
def pack(ids, block):
    line = [i for d in ids for i in d]
    return {"input_ids": [line[i : i + block] for i in range(0, len(line) - block + 1, block)]}


packed = pack(tokenized["input_ids"], profile.block_size)
