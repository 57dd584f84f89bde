# %% [markdown]
# P7: batches of documents padded on the left, and no mask: short ones read the padding.

# %% exercise="strided_ppl" verdict="wrong" caught_by=["test_documents_do_not_mix"]
def strided_ppl(model, ids, window, stride):
    model.eval()
    longest = max(map(len, ids))
    nats, done = [0.0] * len(ids), 1
    for begin in range(0, longest, stride):
        if done >= longest:
            break
        rows = [(i, document[begin : begin + window]) for i, document in enumerate(ids) if len(document) > done]
        width = max(len(part) for _, part in rows)
        x = torch.tensor([[2] * (width - len(part)) + part for _, part in rows], device=model.device)
        with torch.no_grad():
            logits = model(input_ids=x).logits.float()
        for row, (i, part) in enumerate(rows):
            count = begin + len(part) - done
            nats[i] += F.cross_entropy(logits[row, -count - 1 : -1], x[row, -count:], reduction="sum").item()
        done = begin + window
    tokens = [len(document) - 1 for document in ids]
    return {"ppl": math.exp(sum(nats) / sum(tokens)), "nats": nats, "tokens": tokens}
