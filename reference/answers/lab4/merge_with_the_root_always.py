# %% [markdown]
# α/√r, also for plain LoRA.

# %% exercise="merge_manual" verdict="wrong" caught_by=["test_merge_adds_the_scaled_correction"]
def merge_manual(W, A, B, alpha, r, rslora=False):
    return W + (alpha / r**0.5) * B @ A
