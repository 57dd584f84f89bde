# %% [markdown]
# Sampling left on.

# %% exercise="greedy" verdict="wrong" caught_by=["test_greedy_takes_the_likeliest", "test_greedy_goes_on_from_its_ids"]
def greedy(prompt, n):
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    return model.generate(**inputs, max_new_tokens=n, do_sample=True)[0, inputs["input_ids"].shape[1]:].tolist()
