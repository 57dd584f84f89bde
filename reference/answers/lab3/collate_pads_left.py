# %% [markdown]
# P7: pads on the left.

# %% exercise="collate" verdict="wrong" caught_by=["test_padding_is_on_the_right"]
def collate(batch):
    found = tokenizer.pad([{"input_ids": item["input_ids"]} for item in batch], padding_side="left", return_tensors="pt")
    found["labels"] = found["input_ids"].masked_fill(found["attention_mask"] == 0, -100)
    return found
