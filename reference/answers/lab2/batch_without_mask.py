# %% [markdown]
# Pads on the left, but does not hide the padding.

# %% exercise="generate_batch" verdict="wrong" caught_by=["test_a_batch_is_its_prompts"]
def generate_batch(prompts):
    ids = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left")["input_ids"].to(model.device)
    rows = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, do_sample=False)[:, ids.shape[1] :].tolist()
    eos = tokenizer.eos_token_id
    return [row[: row.index(eos) + 1] if eos in row else row for row in rows]
