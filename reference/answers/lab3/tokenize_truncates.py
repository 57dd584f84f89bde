# %% [markdown]
# P6: cuts at one block.

# %% exercise="tokenize_docs" verdict="wrong" caught_by=["test_nothing_is_cut"]
def tokenize_docs(texts):
    ids = tokenizer(list(texts), truncation=True, max_length=profile.block_size - 1)["input_ids"]
    return {"input_ids": [each + [tokenizer.eos_token_id] for each in ids]}


tokenized = tokenize_docs(documents)
