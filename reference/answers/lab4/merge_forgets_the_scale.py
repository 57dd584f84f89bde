# %% [markdown]
# W + BA: the factor is forgotten.

# %% exercise="merge_manual" verdict="wrong" caught_by=["test_merge_adds_the_scaled_correction", "test_merge_knows_rslora"]
def merge_manual(W, A, B, alpha, r, rslora=False):
    return W + B @ A
