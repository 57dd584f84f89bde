# %% [markdown]
# Frozen parameters are handed to the optimizer as well.

# %% exercise="make_optimizer" verdict="wrong" caught_by=["test_groups_and_weight_decay"]
def make_optimizer(model, lr, embedding_lr, weight_decay=0.0):
    slow, fast = [], []
    for name, p in model.named_parameters():
        (slow if "embed_tokens" in name or "lm_head" in name else fast).append(p)
    return torch.optim.AdamW([{"params": fast}, {"params": slow, "lr": embedding_lr}], lr=lr, weight_decay=weight_decay)
