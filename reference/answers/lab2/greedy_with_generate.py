# %% [markdown]
# Lets `generate` do it.

# %% exercise="greedy" verdict="right"
def greedy(prompt: str, n: int) -> list[int]:
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    out = model.generate(**inputs, max_new_tokens=n, do_sample=False)
    return out[0][inputs["input_ids"].shape[1]:].tolist()
