# %% [markdown]
# Joins text and end token with a space, which becomes a token of its own.

# %% exercise="tokenize_docs" verdict="wrong" caught_by=["test_ids_are_the_tokenizers"]
def tokenize_docs(texts):
    return tokenizer([f"{text} {tokenizer.eos_token}" for text in texts])


tokenized = tokenize_docs(documents)
