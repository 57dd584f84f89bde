# %% [markdown]
# P10: labels are the next tokens.

# %% exercise="collate" verdict="wrong" caught_by=["test_labels_hide_the_padding_only"]
def collate(batch):
    found = tokenizer.pad([{"input_ids": item["input_ids"]} for item in batch], padding_side="right", return_tensors="pt")
    labels = found["input_ids"].masked_fill(found["attention_mask"] == 0, -100)
    found["labels"] = torch.cat([labels[:, 1:], torch.full((len(labels), 1), -100)], dim=1)
    return found
