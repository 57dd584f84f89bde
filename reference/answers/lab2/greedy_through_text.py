# %% [markdown]
# Goes back to text at each step.

# %% exercise="greedy" verdict="wrong" caught_by=["test_greedy_goes_on_from_its_ids"]
def greedy(prompt, n):
    text, new = prompt, []
    for _ in range(n):
        with torch.no_grad():
            token = int(model(**tokenizer(text, return_tensors="pt").to(model.device)).logits[0, -1].argmax())
        new.append(token)
        if token == tokenizer.eos_token_id:
            break
        text += tokenizer.decode([token])
    return new
