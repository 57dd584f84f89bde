# %% [markdown]
# Warm-up and seed are left at the library's defaults.

# %% exercise="train_args" verdict="wrong" caught_by=["test_rate_warmup_and_seed"]
train_args = UnslothTrainingArguments(
    **{name: value for name, value in profile.train.items() if name not in ("seed", "warmup_steps")},
    output_dir=str(OUT / "trainer"),
    logging_steps=1,
    save_strategy="no",
    report_to="none",
    max_length=profile.block_size,
    packing=False,
    bf16=False,
    gradient_checkpointing=False,
)
