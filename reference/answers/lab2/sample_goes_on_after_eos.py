# %% [markdown]
# Its own loop, without a stop at EOS.

# %% exercise="generations" verdict="wrong" caught_by=["test_recipes_reproduce"]
def sample(prompt, params, seed):
    g = torch.Generator().manual_seed(seed)
    ids = tokenizer(prompt)["input_ids"]
    n = len(ids)
    for _ in range(params["max_new_tokens"]):
        with torch.no_grad():
            z = model(torch.tensor([ids], device=device)).logits[0, -1].float().cpu()
        ids.append(
            torch.multinomial(filter_logits(z, params["temperature"], params["top_k"], params["top_p"]).softmax(-1), 1, generator=g).item()
        )
    return tokenizer.decode(ids[n:], skip_special_tokens=True)


with open(OUT / "generations.jsonl", "w") as f:
    for p in PROMPTS:
        for r in RECIPES:
            f.write(json.dumps({"prompt": p, "params": r, "seed": 3, "text": sample(p, r, 3)}) + "\n")
