# %% [markdown]
# int32 in place of int64: the loss stops with an error.

# %% exercise="collate" verdict="wrong" caught_by=["test_padding_is_on_the_right"]
def collate(batch):
    n = max(len(b["input_ids"]) for b in batch)
    p = tokenizer.pad_token_id
    ids = torch.tensor([b["input_ids"] + [p] * (n - len(b["input_ids"])) for b in batch], dtype=torch.int32)
    mask = torch.tensor([[1] * len(b["input_ids"]) + [0] * (n - len(b["input_ids"])) for b in batch], dtype=torch.int32)
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}
