# %% [markdown]
# Its own loop over argmax, ids in a plain list.

# %% exercise="smoke_ids" verdict="right"
model = AutoModelForCausalLM.from_pretrained(profile.base_model, dtype=getattr(torch, profile.dtype)).to(device).eval()
tokenizer = AutoTokenizer.from_pretrained(profile.base_model)
smoke_ids = tokenizer(SMOKE_PROMPT)["input_ids"]
with torch.no_grad():
    for _ in range(20):
        smoke_ids.append(int(model(torch.tensor([smoke_ids], device=model.device)).logits[0, -1].argmax()))
        if smoke_ids[-1] == tokenizer.eos_token_id:
            break
