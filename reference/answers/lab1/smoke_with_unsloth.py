# %% [markdown]
# Loads with Unsloth, and searches with one beam.

# %% exercise="smoke_ids" verdict="right"
model, tokenizer = FastLanguageModel.from_pretrained(
    profile.base_model, max_seq_length=profile.block_size, dtype=getattr(torch, profile.dtype), load_in_4bit=profile.load_in_4bit
)
FastLanguageModel.for_inference(model)
inputs = tokenizer([SMOKE_PROMPT], return_tensors="pt").to(model.device)
smoke_ids = model.generate(**inputs, max_length=inputs["input_ids"].shape[1] + 20, num_beams=1, do_sample=False)[0]
