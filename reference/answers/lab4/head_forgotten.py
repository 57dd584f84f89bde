# %% [markdown]
# The embeddings get their own rate, the head does not.

# %% exercise="make_optimizer" verdict="wrong" caught_by=["test_embeddings_learn_at_their_own_rate"]
def make_optimizer(model, lr, embedding_lr, weight_decay=0.0):
    trains = {name: p for name, p in model.named_parameters() if p.requires_grad}
    slow = [p for name, p in trains.items() if "embed_tokens" in name]
    fast = [p for name, p in trains.items() if "embed_tokens" not in name]
    return torch.optim.AdamW([{"params": fast}, {"params": slow, "lr": embedding_lr}], lr=lr, weight_decay=weight_decay)
