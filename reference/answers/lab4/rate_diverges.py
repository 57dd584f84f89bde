# %% [markdown]
# A learning rate at the upper end of what is allowed: training diverges (pitfall 16).

# %% exercise="train_args" verdict="wrong" caught_by=["test_perplexity_falls_by_5_percent"]
train_args = UnslothTrainingArguments(
    **profile.train | {"learning_rate": 10 * profile.train["learning_rate"]},
    output_dir=str(OUT / "trainer"),
    logging_steps=1,
    save_strategy="no",
    report_to="none",
    max_length=profile.block_size,
    packing=False,
    bf16=False,
    gradient_checkpointing=False,
)
