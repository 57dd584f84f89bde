# %% [markdown]
# Calls the decoder and the head by itself, for the last position only.

# %% exercise="greedy" verdict="right"
def greedy(prompt, n):
    ids = tokenizer(prompt)["input_ids"]
    new = []
    for _ in range(n):
        with torch.no_grad():
            hidden = model.model(torch.tensor([ids + new], device=device)).last_hidden_state
            new.append(model.lm_head(hidden[:, -1]).argmax().item())
        if new[-1] == tokenizer.eos_token_id:
            break
    return new
