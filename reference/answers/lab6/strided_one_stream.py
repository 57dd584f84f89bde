# %% [markdown]
# P23, P21: one line of all notes, one total: the first token of every note but one is scored too.

# %% exercise="strided_ppl" verdict="wrong" caught_by=["test_every_token_is_scored_once", "test_documents_do_not_mix", "test_tables_add_up", "test_report_has_its_sections", "test_every_number_is_measured"]
def strided_ppl(model, ids, window, stride):
    model.eval()
    line = torch.tensor([token for document in ids for token in document], device=model.device)
    total, done = 0.0, 1
    for begin in range(0, len(line), stride):
        if done >= len(line):
            break
        part = line[begin : begin + window]
        with torch.no_grad():
            logits = model(input_ids=part[None]).logits[0].float()
        total += F.cross_entropy(logits[done - begin - 1 : -1], part[done - begin :], reduction="sum").item()
        done = begin + len(part)
    return {"ppl": math.exp(total / (len(line) - 1)), "nats": [total], "tokens": [len(line) - 1]}
