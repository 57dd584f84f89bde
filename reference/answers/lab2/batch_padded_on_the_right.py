# %% [markdown]
# Pads on the right, reads each row at its own last token, and puts the new one there: no `generate`.

# %% exercise="generate_batch" verdict="right"
@torch.no_grad()
def generate_batch(prompts: list[str]) -> list[list[int]]:
    rows = [list(ids) for ids in tokenizer(prompts)["input_ids"]]
    new = [[] for _ in rows]
    eos = tokenizer.eos_token_id
    for _ in range(NEW_TOKENS):
        longest = max(map(len, rows))
        ids = torch.tensor([row + [eos] * (longest - len(row)) for row in rows], device=model.device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=model.device)
        logits = model(input_ids=ids, attention_mask=mask).logits
        for i, row in enumerate(rows):
            if new[i][-1:] != [eos]:
                token = int(logits[i, len(row) - 1].argmax())
                new[i].append(token)
                row.append(token)
    return new
