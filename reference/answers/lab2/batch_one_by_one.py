# %% [markdown]
# One prompt after the other.

# %% exercise="generate_batch" verdict="wrong" caught_by=["test_prompts_go_together"]
def generate_batch(prompts):
    return [greedy(prompt, NEW_TOKENS) for prompt in prompts]
