# %% [markdown]
# The prompt stands in the text.

# %% exercise="generations" verdict="wrong" caught_by=["test_rows_carry_their_recipe"]
def sample(prompt, params, seed):
    torch.manual_seed(seed)
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    written = model.generate(**inputs, do_sample=True, **params)
    return tokenizer.decode(written[0], skip_special_tokens=True)

with (OUT / "generations.jsonl").open("w", encoding="utf-8") as file:
    for prompt in PROMPTS:
        for seed, params in enumerate(RECIPES):
            file.write(json.dumps({"prompt": prompt, "params": params, "seed": seed, "text": sample(prompt, params, seed)}) + "\n")
