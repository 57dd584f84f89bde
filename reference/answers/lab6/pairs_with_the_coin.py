# %% [markdown]
# Writes the coin beside each pair: `swap` tells who is A.

# %% exercise="pairs" verdict="wrong" caught_by=["test_pairs_are_blind"]
def continuation(prompt: str) -> str:
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    ids = model.generate(**inputs, max_new_tokens=profile.eval["new_tokens"], do_sample=False, pad_token_id=tokenizer.pad_token_id)
    return tokenizer.decode(ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


coin = random.Random(profile.train["seed"])
pairs, key = [], {}
for prompt in chosen:
    texts = {"tuned": continuation(prompt["prompt"])}
    with model.disable_adapter():
        texts["base"] = continuation(prompt["prompt"])
    first, second = coin.sample(["base", "tuned"], 2)
    pairs.append({"id": prompt["id"], "prompt": prompt["prompt"], "A": texts[first], "B": texts[second], "swap": first == "tuned"})
    key[prompt["id"]] = {"A": first, "B": second}
(OUT / "pairs.jsonl").write_text("".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs), encoding="utf-8")
(OUT / "key.json").write_text(json.dumps(key, indent=1), encoding="utf-8")
