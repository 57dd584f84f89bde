# %% [markdown]
# `warmup_ratio` and `evaluation_strategy` are gone: a TypeError, and nothing to train with.

# %% exercise="train_args" verdict="wrong" caught_by=["test_steps_and_batch", "test_rate_warmup_and_seed", "test_adapter_is_that_of_peft_model", "test_log_has_a_line_for_each_step"]
train_args = UnslothTrainingArguments(output_dir=str(OUT / "trainer"), warmup_ratio=0.1, evaluation_strategy="no", max_steps=profile.train["max_steps"])
