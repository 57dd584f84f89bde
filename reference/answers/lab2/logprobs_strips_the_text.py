# %% [markdown]
# Strips the text: a blank at its end is a token too.

# %% exercise="next_token_logprobs" verdict="wrong" caught_by=["test_the_last_token_speaks"]
def next_token_logprobs(text):
    with torch.no_grad():
        return F.log_softmax(model(**tokenizer(text.strip(), return_tensors="pt").to(device)).logits[0, -1].float(), dim=-1)
