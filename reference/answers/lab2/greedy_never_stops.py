# %% [markdown]
# Goes on after EOS.

# %% exercise="greedy" verdict="wrong" caught_by=["test_greedy_stops"]
def greedy(prompt, n):
    ids = tokenizer(prompt, return_tensors="pt").input_ids.to(model.device)
    start = ids.shape[1]
    for _ in range(n):
        with torch.no_grad():
            ids = torch.cat([ids, model(ids).logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    return ids[0, start:].tolist()
