# %% [markdown]
# The adapter is saved first and trained then: every B is still zero (pitfall 11).

# %% exercise="adapter" verdict="wrong" caught_by=["test_adapter_was_trained"]
peft_model.save_pretrained(str(OUT / "adapter"))
trainer = UnslothTrainer(model=peft_model, processing_class=tokenizer, train_dataset=train_blocks, args=train_args)
trainer.train()
