# %% [markdown]
# Lets `generate` write one token and keeps the scores it saw.

# %% exercise="next_token_logprobs" verdict="right"
def next_token_logprobs(text: str) -> torch.Tensor:
    inputs = tokenizer([text], return_tensors="pt").to(model.device)
    out = model.generate(**inputs, max_new_tokens=1, do_sample=False, output_logits=True, return_dict_in_generate=True)
    return torch.distributions.Categorical(logits=out.logits[0][0].double()).logits.float()
