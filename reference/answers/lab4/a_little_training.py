# %% [markdown]
# The least that the rules allow of everything, and a timid alpha: the perplexity falls, but not by 10 %.

# %% exercise="peft_model" verdict="wrong" caught_by=["test_perplexity_falls_by_10_percent"]
peft_model = FastLanguageModel.get_peft_model(base, **profile.lora | {"lora_alpha": 3}, random_state=profile.train["seed"])

# %% exercise="train_args"
numbers = profile.train | {
    "max_steps": profile.train["max_steps"] // 2,
    "per_device_train_batch_size": profile.train["per_device_train_batch_size"] // 2,
    "learning_rate": profile.train["learning_rate"] / 10,
    "warmup_steps": 2,
}
train_args = UnslothTrainingArguments(
    **numbers,
    output_dir=str(OUT / "trainer"),
    logging_steps=1,
    save_strategy="no",
    report_to="none",
    max_length=profile.block_size,
    packing=False,
    bf16=False,
    gradient_checkpointing=False,
)
