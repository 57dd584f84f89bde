# %% [markdown]
# Pads on the right, so short prompts go on from padding.

# %% exercise="generate_batch" verdict="wrong" caught_by=["test_a_batch_is_its_prompts", "test_rows_end_at_eos"]
tokenizer.padding_side = "right"

def generate_batch(prompts):
    batch = tokenizer(prompts, return_tensors="pt", padding=True).to(model.device)
    rows = model.generate(**batch, max_new_tokens=NEW_TOKENS, do_sample=False)[:, batch["input_ids"].shape[1] :].tolist()
    eos = tokenizer.eos_token_id
    return [row[: row.index(eos) + 1] if eos in row else row for row in rows]
