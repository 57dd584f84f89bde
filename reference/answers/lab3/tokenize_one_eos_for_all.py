# %% [markdown]
# P4: joins the batch's end only; every document but the last one has no EOS.

# %% exercise="tokenize_docs" verdict="wrong" caught_by=["test_documents_end"]
def tokenize_docs(texts):
    ids = tokenizer(list(texts))["input_ids"]
    ids[-1].append(tokenizer.eos_token_id)
    return {"input_ids": ids}


tokenized = tokenize_docs(documents)
