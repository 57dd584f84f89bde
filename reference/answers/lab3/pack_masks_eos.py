# %% [markdown]
# P9: hides the real EOS from the loss.

# %% exercise="pack" verdict="wrong" caught_by=["test_labels_are_the_ids"]
def pack(ids, block):
    line = [token for document in ids for token in document]
    rows = [line[i : i + block] for i in range(0, len(line) - block + 1, block)]
    return {"input_ids": rows, "labels": [[-100 if t == tokenizer.eos_token_id else t for t in row] for row in rows]}


packed = pack(tokenized["input_ids"], profile.block_size)
