# %% [markdown]
# Sorts the prompts by length, and returns them so.

# %% exercise="generate_batch" verdict="wrong" caught_by=["test_a_batch_is_its_prompts", "test_rows_end_at_eos"]
def generate_batch(prompts):
    prompts = sorted(prompts, key=len)
    batch = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left").to(model.device)
    rows = model.generate(**batch, max_new_tokens=NEW_TOKENS, do_sample=False)[:, batch["input_ids"].shape[1] :].tolist()
    eos = tokenizer.eos_token_id
    return [row[: row.index(eos) + 1] if eos in row else row for row in rows]
