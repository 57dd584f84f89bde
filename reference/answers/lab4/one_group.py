# %% [markdown]
# One group and one learning rate for everything that trains.

# %% exercise="make_optimizer" verdict="wrong" caught_by=["test_embeddings_learn_at_their_own_rate"]
def make_optimizer(model, lr, embedding_lr, weight_decay=0.0):
    return torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=lr, weight_decay=weight_decay)
