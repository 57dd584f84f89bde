# %% [markdown]
# Adam: weight decay goes through the gradient.

# %% exercise="make_optimizer" verdict="wrong" caught_by=["test_groups_and_weight_decay"]
def make_optimizer(model, lr, embedding_lr, weight_decay=0.0):
    trains = {name: p for name, p in model.named_parameters() if p.requires_grad}
    slow = {name for name in trains if "embed_tokens" in name or "lm_head" in name}
    groups = [{"params": [p], "lr": embedding_lr if name in slow else lr} for name, p in trains.items()]
    return torch.optim.Adam(groups, weight_decay=weight_decay)
