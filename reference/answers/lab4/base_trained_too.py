# %% [markdown]
# The base is unfrozen just for training (pitfall 12).

# %% exercise="adapter" verdict="wrong" caught_by=["test_base_is_untouched"]
for parameter in peft_model.parameters():
    parameter.requires_grad_(True)
trainer = UnslothTrainer(model=peft_model, processing_class=tokenizer, train_dataset=train_blocks, args=train_args)
trainer.train()
peft_model.save_pretrained(str(OUT / "adapter"))
