# %% [markdown]
# P9: `DataCollatorForLanguageModeling` hides every EOS because pad is EOS.

# %% exercise="collate" verdict="wrong" caught_by=["test_labels_hide_the_padding_only"]
from transformers import DataCollatorForLanguageModeling


def collate(batch):
    return DataCollatorForLanguageModeling(tokenizer, mlm=False)(batch)
