# %% [markdown]
# Takes half a window as the stride, whatever was asked for.

# %% exercise="strided_ppl" verdict="wrong" caught_by=["test_tokens_see_their_window"]
def strided_ppl(model, ids: list[list[int]], window: int, stride: int) -> dict:
    """{"ppl": float, "nats": sum per document, "tokens": scored tokens per document}."""
    model.eval()
    stride = window // 2
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
    return {"ppl": math.exp(sum(nats) / sum(tokens)), "nats": nats, "tokens": tokens}
