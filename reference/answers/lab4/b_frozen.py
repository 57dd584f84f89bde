# %% [markdown]
# Every B is frozen, so BA stays zero (pitfall 14).

# %% exercise="peft_model" verdict="wrong" caught_by=["test_parameters_add_up", "test_adapter_was_trained"]
peft_model = FastLanguageModel.get_peft_model(base, **profile.lora, random_state=profile.train["seed"])
for name, parameter in peft_model.named_parameters():
    if "lora_B" in name:
        parameter.requires_grad_(False)
