# %% [markdown]
# Stops at EOS, but does not return it.

# %% exercise="greedy" verdict="wrong" caught_by=["test_greedy_stops"]
def greedy(prompt, n):
    ids, new = tokenizer(prompt)["input_ids"], []
    for _ in range(n):
        with torch.no_grad():
            token = int(model(torch.tensor([ids + new], device=model.device)).logits[0, -1].argmax())
        if token == tokenizer.eos_token_id:
            break
        new.append(token)
    return new
