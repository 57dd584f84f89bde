# %% [markdown]
# Half of the adapters are frozen for training, so their B stays zero (pitfall 14).

# %% exercise="adapter" verdict="wrong" caught_by=["test_adapter_was_trained"]
for name, parameter in peft_model.named_parameters():
    if ".layers.0." in name or ".layers.1." in name or ".layers.2." in name:
        parameter.requires_grad_(False)
trainer = UnslothTrainer(model=peft_model, processing_class=tokenizer, train_dataset=train_blocks, args=train_args)
trainer.train()
peft_model.save_pretrained(str(OUT / "adapter"))
