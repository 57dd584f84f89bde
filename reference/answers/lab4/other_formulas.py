# %% [markdown]
# The merge as one `addmm`; an optimizer with a group of its own for each parameter.

# %% exercise="merge_manual" verdict="right"
def merge_manual(W, A, B, alpha, r, rslora=False):
    return torch.addmm(W, B, A, alpha=alpha * r ** (-0.5 if rslora else -1))

# %% exercise="make_optimizer" verdict="right"
def make_optimizer(model, lr, embedding_lr, weight_decay=0.0):
    slow = ("embed_tokens", "lm_head")
    return torch.optim.AdamW(
        [
            {"params": [p], "lr": embedding_lr if any(part in slow for part in name.split(".")) else lr, "weight_decay": weight_decay if p.ndim > 1 else 0}
            for name, p in model.named_parameters()
            if p.requires_grad
        ],
        betas=(0.9, 0.95),
    )
