# %% [markdown]
# Goes through the prompts as keys of a dict: one that is there twice gets one answer.

# %% exercise="generate_batch" verdict="wrong" caught_by=["test_a_batch_is_its_prompts"]
def generate_batch(prompts):
    prompts = list(dict.fromkeys(prompts))
    enc = tokenizer(prompts, padding=True, padding_side="left", return_tensors="pt").to(device)
    out = model.generate(**enc, max_new_tokens=NEW_TOKENS, do_sample=False)[:, enc.input_ids.shape[1] :].tolist()
    e = tokenizer.eos_token_id
    return [row[: row.index(e) + 1] if e in row else row for row in out]
