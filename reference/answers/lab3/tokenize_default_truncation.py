# %% [markdown]
# P6: `truncation=True` without a length cuts at the model's maximum.

# %% exercise="tokenize_docs" verdict="wrong" caught_by=["test_nothing_is_cut"]
def tokenize_docs(texts):
    ids = tokenizer(list(texts), truncation=True)["input_ids"]
    return {"input_ids": [each + [tokenizer.eos_token_id] for each in ids]}


tokenized = tokenize_docs(documents)
