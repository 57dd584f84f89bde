# %% [markdown]
# A quarter of the effective batch.

# %% exercise="train_args" verdict="wrong" caught_by=["test_steps_and_batch"]
train_args = UnslothTrainingArguments(
    **profile.train | {"per_device_train_batch_size": profile.train["per_device_train_batch_size"] // 4},
    output_dir=str(OUT / "trainer"),
    logging_steps=1,
    save_strategy="no",
    report_to="none",
    max_length=profile.block_size,
    packing=False,
    bf16=False,
    gradient_checkpointing=False,
)
