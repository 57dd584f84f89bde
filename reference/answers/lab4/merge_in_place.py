# %% [markdown]
# Right numbers, but the base's own matrix is overwritten.

# %% exercise="merge_manual" verdict="wrong" caught_by=["test_merge_leaves_the_base_alone"]
def merge_manual(W, A, B, alpha, r, rslora=False):
    W += alpha / (r**0.5 if rslora else r) * B @ A
    return W
