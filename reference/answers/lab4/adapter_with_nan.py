# %% [markdown]
# The adapter holds NaN (pitfall 15).

# %% exercise="adapter" verdict="wrong" caught_by=["test_adapter_is_that_of_peft_model"]
trainer = UnslothTrainer(model=peft_model, processing_class=tokenizer, train_dataset=train_blocks, args=train_args)
trainer.train()
with torch.no_grad():
    next(p for name, p in peft_model.named_parameters() if "lora_B" in name)[0, 0] = float("nan")
peft_model.save_pretrained(str(OUT / "adapter"))
