# %% [markdown]
# Returns lists instead of tensors.

# %% exercise="collate" verdict="wrong" caught_by=["test_padding_is_on_the_right"]
def collate(batch):
    found = dict(tokenizer.pad([{"input_ids": item["input_ids"]} for item in batch], padding_side="right"))
    found["labels"] = [[i if m else -100 for i, m in zip(*pair)] for pair in zip(found["input_ids"], found["attention_mask"])]
    return found
