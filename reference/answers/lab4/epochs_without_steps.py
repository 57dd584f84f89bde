# %% [markdown]
# `num_train_epochs` in place of `max_steps`.

# %% exercise="train_args" verdict="wrong" caught_by=["test_steps_and_batch"]
train_args = UnslothTrainingArguments(
    **{name: value for name, value in profile.train.items() if name != "max_steps"},
    num_train_epochs=0.25,
    output_dir=str(OUT / "trainer"),
    logging_steps=1,
    save_strategy="no",
    report_to="none",
    max_length=profile.block_size,
    packing=False,
    bf16=False,
    gradient_checkpointing=False,
)
