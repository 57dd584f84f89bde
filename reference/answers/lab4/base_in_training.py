# %% [markdown]
# The base's own weights are unfrozen, so everything trains (pitfall 12).

# %% exercise="peft_model" verdict="wrong" caught_by=["test_only_lora_trains"]
peft_model = FastLanguageModel.get_peft_model(base, **profile.lora, random_state=profile.train["seed"])
for parameter in peft_model.parameters():
    parameter.requires_grad_(True)
