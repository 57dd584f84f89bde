# %% [markdown]
# P23: all notes in one line, so each is read with the end of the note before it in view; the counts are right.

# %% exercise="strided_ppl" verdict="wrong" caught_by=["test_documents_do_not_mix"]
def strided_ppl(model, ids, window, stride):
    model.eval()
    line = torch.tensor([token for document in ids for token in document], device=model.device)
    owner = [number for number, document in enumerate(ids) for _ in document]
    firsts = {sum(map(len, ids[:number])) for number in range(len(ids))}
    nats, done = [0.0] * len(ids), 1
    for begin in range(0, len(line), stride):
        if done >= len(line):
            break
        part = line[begin : begin + window]
        with torch.no_grad():
            logits = model(input_ids=part[None]).logits[0].float()
        losses = F.cross_entropy(logits[:-1], part[1:], reduction="none").tolist()
        for position in range(done, begin + len(part)):
            if position not in firsts:
                nats[owner[position]] += losses[position - begin - 1]
        done = begin + len(part)
    tokens = [len(document) - 1 for document in ids]
    return {"ppl": math.exp(sum(nats) / sum(tokens)), "nats": nats, "tokens": tokens}
