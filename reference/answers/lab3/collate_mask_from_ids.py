# %% [markdown]
# P9: finds padding by its id, so the real EOS has mask 0.

# %% exercise="collate" verdict="wrong" caught_by=["test_padding_is_on_the_right"]
import torch


def collate(batch):
    longest = max(len(item["input_ids"]) for item in batch)
    ids = torch.tensor([item["input_ids"] + [tokenizer.pad_token_id] * (longest - len(item["input_ids"])) for item in batch])
    mask = (ids != tokenizer.pad_token_id).long()
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}
