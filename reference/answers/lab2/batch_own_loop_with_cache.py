# %% [markdown]
# Left padding by hand, positions from the mask, a cache, and a tensor a row.

# %% exercise="generate_batch" verdict="right"
@torch.no_grad()
def generate_batch(prompts):
    encoded = [tokenizer(prompt)["input_ids"] for prompt in prompts]
    longest = max(map(len, encoded))
    feed = torch.tensor([[tokenizer.pad_token_id] * (longest - len(ids)) + ids for ids in encoded], device=model.device)
    mask = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for ids in encoded], device=model.device)
    past, columns = None, []
    for _ in range(NEW_TOKENS):
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -feed.shape[1]:]
        out = model(feed, attention_mask=mask, position_ids=positions, past_key_values=past, use_cache=True)
        past, feed = out.past_key_values, out.logits[:, -1:].argmax(-1)
        columns.append(feed)
        mask = torch.cat([mask, torch.ones_like(feed)], dim=1)
    rows = torch.cat(columns, dim=1)
    ended = (rows == tokenizer.eos_token_id).int().cumsum(1)
    return [row[: int((end == 0).sum()) + 1] for row, end in zip(rows, ended)]
