# %% [markdown]
# Counts one token too many.

# %% exercise="greedy" verdict="wrong" caught_by=["test_greedy_takes_the_likeliest", "test_greedy_goes_on_from_its_ids", "test_greedy_stops"]
def greedy(prompt, n):
    ids, new = tokenizer(prompt)["input_ids"], []
    while len(new) <= n and new[-1:] != [tokenizer.eos_token_id]:
        with torch.no_grad():
            new.append(int(model(torch.tensor([ids + new], device=model.device)).logits[0, -1].argmax()))
    return new
