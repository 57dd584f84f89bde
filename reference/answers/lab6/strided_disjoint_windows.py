# %% [markdown]
# P21: windows side by side; each loses its first token.

# %% exercise="strided_ppl" verdict="wrong" caught_by=["test_every_token_is_scored_once"]
def strided_ppl(model, ids, window, stride):
    model.eval()
    nats, tokens = [], []
    for document in ids:
        total, count = 0.0, 0
        for begin in range(0, len(document), window):
            piece = torch.tensor([document[begin : begin + window]], device=model.device)
            if piece.shape[1] < 2:
                continue
            with torch.no_grad():
                loss = model(input_ids=piece, labels=piece).loss
            total += loss.item() * (piece.shape[1] - 1)
            count += piece.shape[1] - 1
        nats.append(total)
        tokens.append(count)
    return {"ppl": math.exp(sum(nats) / sum(tokens)), "nats": nats, "tokens": tokens}
