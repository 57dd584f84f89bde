# %% [markdown]
# All ten prompts at once, padded on the left; five times A, five times B, shuffled.

# %% exercise="pairs" verdict="right"
tokenizer.padding_side = "left"
inputs = tokenizer([prompt["prompt"] for prompt in chosen], return_tensors="pt", padding=True).to(model.device)


def write():
    ids = model.generate(**inputs, max_new_tokens=profile.eval["new_tokens"], do_sample=False, pad_token_id=tokenizer.pad_token_id)
    return [text.strip() for text in tokenizer.batch_decode(ids[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)]


tuned = write()
with model.disable_adapter():
    base = write()
tokenizer.padding_side = "right"

first = ["base", "tuned"] * 5
np.random.default_rng(0).shuffle(first)
rows, sides = [], {}
for prompt, b, t, a in zip(chosen, base, tuned, first):
    texts = (b, t) if a == "base" else (t, b)
    rows.append(json.dumps({"topic": prompt["topic"], **prompt, "A": texts[0], "B": texts[1]}))
    sides[prompt["id"]] = {"B": "tuned" if a == "base" else "base", "A": a}
Path("out/lab6/pairs.jsonl").write_text("\n".join(rows) + "\n")
Path("out/lab6/key.json").write_text(json.dumps(sides))
