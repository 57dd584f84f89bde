# %% [markdown]
# The learning rate is left at the default, which is made for full fine-tuning: too little is learned.

# %% exercise="train_args" verdict="wrong" caught_by=["test_rate_warmup_and_seed", "test_perplexity_falls_by_5_percent"]
train_args = UnslothTrainingArguments(
    **{name: value for name, value in profile.train.items() if name != "learning_rate"},
    output_dir=str(OUT / "trainer"),
    logging_steps=1,
    save_strategy="no",
    report_to="none",
    max_length=profile.block_size,
    packing=False,
    bf16=False,
    gradient_checkpointing=False,
)
