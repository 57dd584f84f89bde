# %% [markdown]
# The base model's shape with random weights.

# %% exercise="smoke_ids" verdict="wrong" caught_by=["test_the_base_model_is_loaded"]
from transformers import AutoConfig

torch.manual_seed(0)
model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(profile.base_model), dtype=torch.float32)
tokenizer = AutoTokenizer.from_pretrained(profile.base_model)
inputs = tokenizer(SMOKE_PROMPT, return_tensors="pt")
smoke_ids = model.generate(**inputs, max_new_tokens=20, do_sample=False)
