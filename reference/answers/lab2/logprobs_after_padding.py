# %% [markdown]
# Pads every text to 64 tokens and reads the last position: padding.

# %% exercise="next_token_logprobs" verdict="wrong" caught_by=["test_the_last_token_speaks"]
def next_token_logprobs(text):
    inputs = tokenizer(text, return_tensors="pt", padding="max_length", max_length=64).to(model.device)
    with torch.no_grad():
        logits = model(**inputs).logits
    return F.log_softmax(logits[0, -1], dim=-1)
