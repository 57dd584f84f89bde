# %% [markdown]
# The merge as a sum of r outer products on a copy; an optimizer whose groups are added one after the other.

# %% exercise="merge_manual" verdict="right"
import math


def merge_manual(W, A, B, alpha, r, rslora=False):
    merged = W.clone()
    scale = alpha / math.sqrt(r) if rslora else alpha / r
    for column, row in zip(B.T, A):
        merged += scale * torch.outer(column, row)
    return merged

# %% exercise="make_optimizer" verdict="right"
import re


def make_optimizer(model, lr, embedding_lr, weight_decay=0.0):
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    slow = [p for name, p in named.items() if re.search(r"embed_tokens|lm_head", name)]
    fast = [p for name, p in named.items() if all(p is not other for other in slow)]
    optimizer = torch.optim.AdamW(fast, lr=lr, weight_decay=weight_decay)
    if slow:
        optimizer.add_param_group({"params": slow, "lr": embedding_lr})
    return optimizer
