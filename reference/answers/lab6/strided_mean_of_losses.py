# %% [markdown]
# P17: exp of the mean of the documents' mean losses.

# %% exercise="strided_ppl" verdict="wrong" caught_by=["test_documents_do_not_mix"]
def strided_ppl(model, ids: list[list[int]], window: int, stride: int) -> dict:
    """{"ppl": float, "nats": sum per document, "tokens": scored tokens per document}."""
    model.eval()
    nats, tokens = [], []
    for document in ids:
        line = torch.tensor(document, device=model.device)
        total, done = 0.0, 1  # nothing comes before token 0
        for begin in range(0, len(line), stride):
            if done >= len(line):
                break
            part = line[begin : begin + window]
            first = done - begin
            with torch.no_grad():
                logits = model(input_ids=part[None], use_cache=False).logits[0, first - 1 : -1].float()
            total += F.cross_entropy(logits, part[first:], reduction="sum").item()
            done = begin + len(part)
        nats.append(total)
        tokens.append(max(0, len(line) - 1))
    means = [n / t for n, t in zip(nats, tokens) if t]
    return {"ppl": math.exp(sum(means) / len(means)), "nats": nats, "tokens": tokens}
