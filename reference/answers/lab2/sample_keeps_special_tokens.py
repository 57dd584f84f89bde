# %% [markdown]
# Decodes special tokens as text.

# %% exercise="generations" verdict="wrong" caught_by=["test_recipes_reproduce"]
def sample(prompt, params, seed):
    enc = tokenizer(prompt, return_tensors="pt").to(device)
    torch.manual_seed(seed)
    out = model.generate(**enc, do_sample=True, **params)
    return tokenizer.decode(out[0, enc["input_ids"].shape[1] :])


with open(OUT / "generations.jsonl", "w") as f:
    for p in PROMPTS:
        for r in RECIPES:
            f.write(json.dumps({"prompt": p, "params": r, "seed": 3, "text": sample(p, r, 3)}) + "\n")
