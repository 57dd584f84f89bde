# %% [markdown]
# PiSSA takes the start of A and B out of W itself: the base is another one, and the adapter does not fit the course's.

# %% exercise="peft_model" verdict="wrong" caught_by=["test_adapter_is_that_of_peft_model"]
peft_model = FastLanguageModel.get_peft_model(base, **profile.lora, init_lora_weights="pissa", random_state=profile.train["seed"])
