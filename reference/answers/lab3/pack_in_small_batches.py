# %% [markdown]
# P6: packs batches of ten documents and drops each batch's tail, as `map(group_texts, batched=True)` does.

# %% exercise="pack" verdict="wrong" caught_by=["test_packing_loses_no_token"]
def pack(ids, block):
    rows = []
    for start in range(0, len(ids), 10):
        line = [token for document in ids[start : start + 10] for token in document]
        rows += [line[i : i + block] for i in range(0, len(line) - block + 1, block)]
    return {"input_ids": rows, "labels": [list(row) for row in rows]}


packed = pack(tokenized["input_ids"], profile.block_size)
