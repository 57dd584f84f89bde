# %% [markdown]
# Returns the prompt's ids too.

# %% exercise="greedy" verdict="wrong" caught_by=["test_greedy_takes_the_likeliest", "test_greedy_goes_on_from_its_ids", "test_greedy_stops"]
def greedy(prompt, n):
    return model.generate(**tokenizer(prompt, return_tensors="pt").to(model.device), max_new_tokens=n, do_sample=False)[0].tolist()
