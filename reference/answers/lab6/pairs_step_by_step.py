# %% [markdown]
# An argmax loop without cache; the lines in another order.

# %% exercise="pairs" verdict="right"
@torch.no_grad()
def write(prompt):
    ids = tokenizer(prompt)["input_ids"]
    start = len(ids)
    while len(ids) < start + profile.eval["new_tokens"]:
        token = model(input_ids=torch.tensor([ids], device=model.device), use_cache=False).logits[0, -1].argmax().item()
        if token == tokenizer.eos_token_id:
            break
        ids.append(token)
    return tokenizer.decode(ids[start:], skip_special_tokens=True)


rng = np.random.default_rng(4)
key = {}
with open(OUT / "pairs.jsonl", "w", encoding="utf-8") as file:
    for prompt in sorted(chosen, key=lambda p: p["id"]):
        with model.disable_adapter():
            made = [("base", write(prompt["prompt"]))]
        made.append(("tuned", write(prompt["prompt"])))
        rng.shuffle(made)
        file.write(json.dumps({"id": prompt["id"], "prompt": prompt["prompt"], "A": str(made[0][1]), "B": str(made[1][1])}) + "\n")
        key[prompt["id"]] = {"A": str(made[0][0]), "B": str(made[1][0])}
with open(OUT / "key.json", "w") as file:
    json.dump(key, file)
