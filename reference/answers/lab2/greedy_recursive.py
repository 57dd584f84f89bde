# %% [markdown]
# Recursive, over sorted scores, as a tensor of ids.

# %% exercise="greedy" verdict="right"
def greedy(prompt, n):
    def after(ids, left):
        if left == 0:
            return []
        with torch.no_grad():
            scores = model(torch.tensor([ids]).to(model.device)).logits[0, -1].tolist()
        token = max(range(len(scores)), key=scores.__getitem__)
        return [token] if token == tokenizer.eos_token_id else [token] + after(ids + [token], left - 1)

    return torch.tensor(after(tokenizer(prompt).input_ids, n))
