# %% [markdown]
# Lower-cases the text first.

# %% exercise="tokenize_docs" verdict="wrong" caught_by=["test_ids_are_the_tokenizers"]
def tokenize_docs(texts):
    ids = tokenizer([text.lower() for text in texts])["input_ids"]
    return {"input_ids": [each + [tokenizer.eos_token_id] for each in ids]}


tokenized = tokenize_docs(documents)
