# %% [markdown]
# Strips the prompt: a blank at its end is a token too.

# %% exercise="greedy" verdict="wrong" caught_by=["test_greedy_takes_the_likeliest"]
def greedy(prompt, n):
    ids = tokenizer(prompt.strip())["input_ids"]
    new = []
    for _ in range(n):
        with torch.no_grad():
            new.append(model(torch.tensor([ids + new], device=device)).logits[0, -1].argmax().item())
        if new[-1] == tokenizer.eos_token_id:
            break
    return new
