# %% [markdown]
# The saved settings are edited by hand, so the adapter is applied with another factor than it was trained with (pitfall 15).

# %% exercise="adapter" verdict="wrong" caught_by=["test_adapter_is_that_of_peft_model"]
trainer = UnslothTrainer(model=peft_model, processing_class=tokenizer, train_dataset=train_blocks, args=train_args)
trainer.train()
peft_model.save_pretrained(str(OUT / "adapter"))
settings = json.loads((OUT / "adapter/adapter_config.json").read_text())
settings["lora_alpha"] *= 2
(OUT / "adapter/adapter_config.json").write_text(json.dumps(settings))
