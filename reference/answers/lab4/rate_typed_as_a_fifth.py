# %% [markdown]
# Gives embeddings a fifth of `lr`, whatever `embedding_lr` is.

# %% exercise="make_optimizer" verdict="wrong" caught_by=["test_embeddings_learn_at_their_own_rate"]
def make_optimizer(model, lr, embedding_lr, weight_decay=0.0):
    trains = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    embeddings = [p for name, p in trains if "embed_tokens" in name or "lm_head" in name]
    others = [p for name, p in trains if "embed_tokens" not in name and "lm_head" not in name]
    return torch.optim.AdamW([{"params": embeddings, "lr": lr / 5}, {"params": others, "lr": lr}], weight_decay=weight_decay)
