# %% [markdown]
# Only whole windows after the first: the end of a note is never scored.

# %% exercise="strided_ppl" verdict="wrong" caught_by=["test_every_token_is_scored_once"]
def strided_ppl(model, ids, window, stride):
    model.eval()
    nats, tokens = [], []
    for document in ids:
        line = torch.tensor(document, device=model.device)
        total, done = 0.0, 1
        for begin in range(0, max(1, len(line) - window + 1), stride):
            part = line[begin : begin + window]
            with torch.no_grad():
                logits = model(input_ids=part[None]).logits[0].float()
            total += F.cross_entropy(logits[done - begin - 1 : -1], part[done - begin :], reduction="sum").item()
            done = begin + len(part)
        nats.append(total)
        tokens.append(done - 1)
    return {"ppl": math.exp(sum(nats) / sum(tokens)), "nats": nats, "tokens": tokens}
