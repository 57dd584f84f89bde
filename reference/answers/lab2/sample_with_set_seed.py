# %% [markdown]
# transformers' `set_seed`, a generation config, and one extra field a row.

# %% exercise="generations" verdict="right"
from transformers import GenerationConfig, set_seed

def sample(prompt: str, params: dict, seed: int) -> str:
    config = GenerationConfig(do_sample=True, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, **params)
    inputs = tokenizer([prompt], return_tensors="pt").to(model.device)
    set_seed(seed)
    out = model.generate(**inputs, generation_config=config)
    return tokenizer.batch_decode(out[:, inputs.input_ids.shape[-1]:], skip_special_tokens=True)[0]

import pandas
rows = [dict(prompt=p, params=r, seed=3407, model=profile.base_model_id) for p in PROMPTS for r in RECIPES]
for row in rows:
    row["text"] = sample(row["prompt"], row["params"], row["seed"])
with open("out/lab2/generations.jsonl", "w") as f:
    f.writelines(json.dumps(row) + "\n" for row in rows)
