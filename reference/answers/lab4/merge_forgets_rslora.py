# %% [markdown]
# α/r, also where rsLoRA wants α/√r.

# %% exercise="merge_manual" verdict="wrong" caught_by=["test_merge_knows_rslora"]
def merge_manual(W, A, B, alpha, r, rslora=False):
    return W + (alpha / r) * B @ A
