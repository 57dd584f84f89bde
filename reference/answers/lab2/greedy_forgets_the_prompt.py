# %% [markdown]
# Feeds only the new token, without a cache.

# %% exercise="greedy" verdict="wrong" caught_by=["test_greedy_goes_on_from_its_ids"]
def greedy(prompt, n):
    ids, new = tokenizer(prompt, return_tensors="pt").input_ids.to(model.device), []
    for _ in range(n):
        with torch.no_grad():
            ids = model(ids).logits[:, -1].argmax(-1, keepdim=True)
        new.append(ids.item())
        if new[-1] == tokenizer.eos_token_id:
            break
    return new
