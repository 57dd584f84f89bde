# %% [markdown]
# Takes away everything that looks like padding, the EOS too.

# %% exercise="generate_batch" verdict="wrong" caught_by=["test_rows_end_at_eos"]
def generate_batch(prompts):
    batch = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left").to(model.device)
    rows = model.generate(**batch, max_new_tokens=NEW_TOKENS, do_sample=False)[:, batch["input_ids"].shape[1] :].tolist()
    return [[i for i in row if i != tokenizer.pad_token_id] for row in rows]
