# %% [markdown]
# Normalises over the positions in place of the vocabulary.

# %% exercise="next_token_logprobs" verdict="wrong" caught_by=["test_probabilities_add_up_to_one", "test_the_last_token_speaks"]
def next_token_logprobs(text):
    with torch.no_grad():
        logits = model(**tokenizer(text, return_tensors="pt").to(model.device)).logits
    return F.log_softmax(logits[0], dim=0)[-1]
