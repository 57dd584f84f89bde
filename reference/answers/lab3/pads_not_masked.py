# %% [markdown]
# P8: labels are the ids, padding included.

# %% exercise="collate" verdict="wrong" caught_by=["test_labels_hide_the_padding_only"]
import torch


def collate(batch):
    longest = max(len(item["input_ids"]) for item in batch)
    ids = torch.full((len(batch), longest), tokenizer.pad_token_id)
    mask = torch.zeros_like(ids)
    for i, item in enumerate(batch):
        ids[i, : len(item["input_ids"])] = torch.tensor(item["input_ids"])
        mask[i, : len(item["input_ids"])] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.clone()}
