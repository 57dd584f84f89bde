# %% [markdown]
# A library collator that pads given labels with -100.

# %% exercise="collate" verdict="right"
from transformers import DataCollatorForSeq2Seq


def collate(batch):
    rows = [{"input_ids": item["input_ids"], "labels": list(item["input_ids"])} for item in batch]
    tokenizer.padding_side = "right"
    return dict(DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100)(rows))
