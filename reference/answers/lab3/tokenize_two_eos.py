# %% [markdown]
# P5: EOS as text and as id.

# %% exercise="tokenize_docs" verdict="wrong" caught_by=["test_no_special_token_is_twice"]
def tokenize_docs(texts):
    ids = tokenizer([text + tokenizer.eos_token for text in texts])["input_ids"]
    return {"input_ids": [each + [tokenizer.eos_token_id] for each in ids]}


tokenized = tokenize_docs(documents)
