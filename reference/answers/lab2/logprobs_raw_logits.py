# %% [markdown]
# Forgets to normalise.

# %% exercise="next_token_logprobs" verdict="wrong" caught_by=["test_probabilities_add_up_to_one"]
def next_token_logprobs(text):
    with torch.no_grad():
        return model(**tokenizer(text, return_tensors="pt").to(model.device)).logits[0, -1]
