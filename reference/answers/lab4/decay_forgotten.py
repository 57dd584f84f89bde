# %% [markdown]
# `weight_decay` is taken and not passed on, so AdamW's default applies.

# %% exercise="make_optimizer" verdict="wrong" caught_by=["test_groups_and_weight_decay"]
def make_optimizer(model, lr, embedding_lr, weight_decay=0.0):
    trains = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    slow = [p for name, p in trains if "embed_tokens" in name or "lm_head" in name]
    fast = [p for name, p in trains if not ("embed_tokens" in name or "lm_head" in name)]
    return torch.optim.AdamW([{"params": fast, "lr": lr}, {"params": slow, "lr": embedding_lr}])
