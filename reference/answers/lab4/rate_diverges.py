# %% [markdown]
# A learning rate of 1: training diverges (pitfall 16).

# %% exercise="train_args" verdict="wrong" caught_by=["test_rate_warmup_and_seed", "test_perplexity_falls_by_5_percent"]
train_args = UnslothTrainingArguments(
    **profile.train | {"learning_rate": 1.0},
    output_dir=str(OUT / "trainer"),
    logging_steps=1,
    save_strategy="no",
    report_to="none",
    max_length=profile.block_size,
    packing=False,
    bf16=False,
    gradient_checkpointing=False,
)
