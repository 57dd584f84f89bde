# %% [markdown]
# Feeds only the new token and keeps the past in a cache.

# %% exercise="greedy" verdict="right"
@torch.no_grad()
def greedy(prompt, n):
    new, past = [], None
    feed = tokenizer(prompt, return_tensors="pt").input_ids.to(model.device)
    for _ in range(n):
        out = model(feed, past_key_values=past, use_cache=True)
        past = out.past_key_values
        feed = out.logits[:, -1:].argmax(-1)
        new.append(feed.item())
        if new[-1] == tokenizer.eos_token_id:
            break
    return new
