# %% [markdown]
# P21: the recipe that takes one token off in every window, also where the first label was masked anyway.

# %% exercise="strided_ppl" verdict="wrong" caught_by=["test_every_token_is_scored_once"]
def strided_ppl(model, ids, window, stride):
    model.eval()
    nats, tokens = [], []
    for document in ids:
        line = torch.tensor([document], device=model.device)
        length = line.size(1)
        total, count, previous_end = 0.0, 0, 0
        for begin in range(0, length, stride):
            end = min(begin + window, length)
            labels = line[:, begin:end].clone()
            labels[:, : previous_end - begin] = -100
            if previous_end == 0:
                labels = line[:, begin:end].clone()
            with torch.no_grad():
                loss = model(input_ids=line[:, begin:end], labels=labels, use_cache=False).loss
            scored = (labels != -100).sum().item() - 1
            if scored:
                total += loss.item() * scored
            count += scored
            previous_end = end
            if end == length:
                break
        nats.append(total)
        tokens.append(count)
    return {"ppl": float(np.exp(np.sum(nats) / np.sum(tokens))), "nats": nats, "tokens": tokens}
