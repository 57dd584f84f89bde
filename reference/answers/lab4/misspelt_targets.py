# %% [markdown]
# Three of the seven names are those of another architecture: PEFT leaves them out and says nothing (pitfall 13).

# %% exercise="peft_model" verdict="wrong" caught_by=["test_all_seven_projections_of_every_layer"]
peft_model = FastLanguageModel.get_peft_model(
    base,
    r=profile.lora["r"],
    lora_alpha=profile.lora["lora_alpha"],
    target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate", "up", "down"],
    random_state=profile.train["seed"],
)
