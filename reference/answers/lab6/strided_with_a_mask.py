# %% [markdown]
# One number per position: the window that scores a token is computed first, in numpy.

# %% exercise="strided_ppl" verdict="right"
from torch.nn import CrossEntropyLoss


def strided_ppl(model, ids, window, stride):
    model.eval()
    nats = np.zeros(len(ids))
    for number, document in enumerate(ids):
        positions = np.arange(1, len(document))
        reached_by = np.maximum(0, np.ceil((positions + 1 - window) / stride)).astype(int)  # first window that holds the token
        for k in np.unique(reached_by):
            begin = k * stride
            piece = torch.tensor(document[begin : begin + window], device=model.device)
            with torch.no_grad():
                logits = model(piece.unsqueeze(0)).logits[0].to(torch.float32)
            losses = CrossEntropyLoss(reduction="none")(logits[:-1], piece[1:]).cpu().numpy()
            nats[number] += losses[positions[reached_by == k] - begin - 1].sum(dtype=np.float64)
    tokens = [len(document) - 1 for document in ids]
    return dict(ppl=math.exp(nats.sum() / sum(tokens)), nats=nats, tokens=tokens)
