# %% [markdown]
# P7: a batch padded on the right: the model continues the padding.

# %% exercise="pairs" verdict="wrong" caught_by=["test_base_writes_greedily", "test_tuned_writes_greedily"]
tokenizer.padding_side = "right"
inputs = tokenizer([prompt["prompt"] for prompt in chosen], return_tensors="pt", padding=True).to(model.device)


def write():
    ids = model.generate(**inputs, max_new_tokens=profile.eval["new_tokens"], do_sample=False, pad_token_id=tokenizer.pad_token_id)
    return tokenizer.batch_decode(ids[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


tuned = write()
with model.disable_adapter():
    base = write()
pairs, key = [], {}
for i, (prompt, b, t) in enumerate(zip(chosen, base, tuned)):
    names, texts = (("base", "tuned"), (b, t)) if i % 3 else (("tuned", "base"), (t, b))
    pairs.append({"id": prompt["id"], "prompt": prompt["prompt"], "A": texts[0], "B": texts[1]})
    key[prompt["id"]] = {"A": names[0], "B": names[1]}
(OUT / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
(OUT / "key.json").write_text(json.dumps(key))
