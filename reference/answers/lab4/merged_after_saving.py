# %% [markdown]
# The adapter is right, but then it is merged into the model that holds it: the base is lost (pitfall 12).

# %% exercise="adapter" verdict="wrong" caught_by=["test_base_is_untouched"]
trainer = UnslothTrainer(model=peft_model, processing_class=tokenizer, train_dataset=train_blocks, args=train_args)
trainer.train()
peft_model.save_pretrained(str(OUT / "adapter"))
peft_model.merge_adapter()
