# %% [markdown]
# Its own loop: `filter_logits`, `multinomial`, a generator of its own.

# %% exercise="generations" verdict="right"
@torch.no_grad()
def sample(prompt, params, seed):
    dice = torch.Generator().manual_seed(seed)
    ids = tokenizer(prompt, return_tensors="pt")["input_ids"].to(model.device)
    start = ids.shape[1]
    for _ in range(params["max_new_tokens"]):
        logits = filter_logits(model(ids).logits[0, -1].float().cpu(), params["temperature"], params["top_k"], params["top_p"])
        token = torch.multinomial(logits.softmax(-1), 1, generator=dice)
        ids = torch.cat([ids, token.view(1, 1).to(ids.device)], dim=1)
        if token == tokenizer.eos_token_id:
            break
    return tokenizer.decode(ids[0, start:].tolist(), skip_special_tokens=True)

lines = [
    json.dumps({"text": sample(prompt, params, seed), "seed": seed, "params": params, "prompt": prompt})
    for params in RECIPES
    for prompt in PROMPTS
    for seed in (1, 2)
]
(OUT / "generations.jsonl").write_text("\n".join(lines))
