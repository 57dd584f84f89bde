# %% [markdown]
# Goes through the texts as keys of a dict: one that is there twice is tokenized once.

# %% exercise="tokenize_docs" verdict="wrong" caught_by=["test_ids_are_the_tokenizers"]
def tokenize_docs(texts):
    return {"input_ids": [tokenizer(t)["input_ids"] + [tokenizer.eos_token_id] for t in dict.fromkeys(texts)]}


tokenized = tokenize_docs(documents)
