# %% [markdown]
# P4: no end-of-sequence token.

# %% exercise="tokenize_docs" verdict="wrong" caught_by=["test_documents_end"]
def tokenize_docs(texts):
    return tokenizer(list(texts))


tokenized = tokenize_docs(documents)
