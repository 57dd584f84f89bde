# %% [markdown]
# The query and value projections only, as the first LoRA paper did.

# %% exercise="peft_model" verdict="wrong" caught_by=["test_all_seven_projections_of_every_layer"]
peft_model = FastLanguageModel.get_peft_model(base, r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], random_state=profile.train["seed"])
