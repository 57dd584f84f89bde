# %% [markdown]
# P10: moves the labels by hand, and the model moves them again.

# %% exercise="strided_ppl" verdict="wrong" caught_by=["test_tokens_see_their_window"]
def strided_ppl(model, ids, window, stride):
    model.eval()
    nats, tokens = [], []
    for document in ids:
        line = torch.tensor(document, device=model.device)
        total, done = 0.0, 1
        for begin in range(0, len(line), stride):
            if done >= len(line):
                break
            part = line[begin : begin + window]
            labels = torch.cat([part[1:], part.new_tensor([-100])])
            labels[: done - begin - 1] = -100
            with torch.no_grad():
                loss = model(input_ids=part[None], labels=labels[None]).loss
            total += torch.nan_to_num(loss).item() * (begin + len(part) - done)
            done = begin + len(part)
        nats.append(total)
        tokens.append(len(line) - 1)
    return {"ppl": math.exp(sum(nats) / sum(tokens)), "nats": nats, "tokens": tokens}
