# %% [markdown]
# Beams in place of sampling.

# %% exercise="smoke_ids" verdict="wrong" caught_by=["test_smoke_ids_are_greedy"]
model = AutoModelForCausalLM.from_pretrained(profile.base_model, dtype=profile.dtype, device_map=device)
tokenizer = AutoTokenizer.from_pretrained(profile.base_model)
smoke_ids = model.generate(**tokenizer(SMOKE_PROMPT, return_tensors="pt").to(device), max_new_tokens=20, do_sample=False, num_beams=4)
