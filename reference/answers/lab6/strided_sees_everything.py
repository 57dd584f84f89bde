# %% [markdown]
# Ignores the window: every note is scored in one piece.

# %% exercise="strided_ppl" verdict="wrong" caught_by=["test_tokens_see_their_window"]
def strided_ppl(model, ids, window, stride):
    model.eval()
    nats, tokens = [], []
    for document in ids:
        line = torch.tensor([document], device=model.device)
        with torch.no_grad():
            logits = model(input_ids=line).logits[0, :-1].float()
        nats.append(F.cross_entropy(logits, line[0, 1:], reduction="sum").item())
        tokens.append(len(document) - 1)
    return {"ppl": math.exp(sum(nats) / sum(tokens)), "nats": nats, "tokens": tokens}
