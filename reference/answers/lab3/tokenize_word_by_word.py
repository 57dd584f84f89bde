# %% [markdown]
# Tokenizes word by word and loses the paragraphs.

# %% exercise="tokenize_docs" verdict="wrong" caught_by=["test_ids_are_the_tokenizers"]
def tokenize_docs(texts):
    return {"input_ids": [tokenizer(" ".join(text.split()))["input_ids"] + [tokenizer.eos_token_id] for text in texts]}


tokenized = tokenize_docs(documents)
