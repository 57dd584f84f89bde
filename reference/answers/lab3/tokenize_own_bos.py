# %% [markdown]
# P5: puts a BOS in front although the tokenizer decides that.

# %% exercise="tokenize_docs" verdict="wrong" caught_by=["test_no_special_token_is_twice"]
def tokenize_docs(texts):
    ids = tokenizer(list(texts))["input_ids"]
    return {"input_ids": [[tokenizer.bos_token_id, *each, tokenizer.eos_token_id] for each in ids]}


tokenized = tokenize_docs(documents)
