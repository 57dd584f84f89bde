# %% [markdown]
# Pads every batch to the block size.

# %% exercise="collate" verdict="wrong" caught_by=["test_padding_is_on_the_right"]
def collate(batch):
    rows = [{"input_ids": item["input_ids"]} for item in batch]
    found = tokenizer.pad(rows, padding="max_length", max_length=profile.block_size, padding_side="right", return_tensors="pt")
    found["labels"] = found["input_ids"].masked_fill(found["attention_mask"] == 0, -100)
    return found
