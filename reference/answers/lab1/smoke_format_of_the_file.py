# %% [markdown]
# No dtype: the model comes in the file's format.

# %% exercise="smoke_ids" verdict="wrong" caught_by=["test_the_base_model_is_loaded"]
model = AutoModelForCausalLM.from_pretrained(profile.base_model, device_map=device)
tokenizer = AutoTokenizer.from_pretrained(profile.base_model)
inputs = tokenizer(SMOKE_PROMPT, return_tensors="pt").to(device)
smoke_ids = model.generate(**inputs, max_new_tokens=20, do_sample=False)
