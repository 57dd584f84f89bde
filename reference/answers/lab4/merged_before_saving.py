# %% [markdown]
# Merged into the base and saved as a whole model: no adapter is left.

# %% exercise="adapter" verdict="wrong" caught_by=["test_adapter_is_that_of_peft_model"]
trainer = UnslothTrainer(model=peft_model, processing_class=tokenizer, train_dataset=train_blocks, args=train_args)
trainer.train()
merged = peft_model.merge_and_unload()
merged.save_pretrained(str(OUT / "adapter"))
