# %% [markdown]
# Only the last two layers are adapted (pitfall 14).

# %% exercise="peft_model" verdict="wrong" caught_by=["test_all_seven_projections_of_every_layer", "test_adapter_is_that_of_peft_model"]
n = base.config.num_hidden_layers
peft_model = FastLanguageModel.get_peft_model(base, **profile.lora, layers_to_transform=[n - 2, n - 1], random_state=profile.train["seed"])
