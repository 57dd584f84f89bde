# %% [markdown]
# Windows side by side that share one token, so nothing is lost, but each begins with next to no context.

# %% exercise="strided_ppl" verdict="wrong" caught_by=["test_tokens_see_their_window"]
def strided_ppl(model, ids, window, stride):
    model.eval()
    nats, tokens = [], []
    for document in ids:
        total = 0.0
        for begin in range(0, len(document) - 1, window - 1):
            part = torch.tensor(document[begin : begin + window], device=model.device)
            with torch.no_grad():
                logits = model(input_ids=part[None]).logits[0, :-1].float()
            total += F.cross_entropy(logits, part[1:], reduction="sum").item()
        nats.append(total)
        tokens.append(len(document) - 1)
    return {"ppl": math.exp(sum(nats) / sum(tokens)), "nats": nats, "tokens": tokens}
