# %% [markdown]
# P10: labels are the next tokens; the model shifts them again.

# %% exercise="pack" verdict="wrong" caught_by=["test_labels_are_the_ids"]
def pack(ids, block):
    line = [token for document in ids for token in document]
    starts = range(0, len(line) - block + 1, block)
    rows = [line[i : i + block] for i in starts]
    return {"input_ids": rows, "labels": [(line + [-100])[i + 1 : i + block + 1] for i in starts]}


packed = pack(tokenized["input_ids"], profile.block_size)
