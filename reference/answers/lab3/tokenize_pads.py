# %% [markdown]
# Pads all documents to the longest.

# %% exercise="tokenize_docs" verdict="wrong" caught_by=["test_no_special_token_is_twice"]
def tokenize_docs(texts):
    return tokenizer([text + tokenizer.eos_token for text in texts], padding=True)


tokenized = tokenize_docs(documents)
