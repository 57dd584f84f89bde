# %% [markdown]
# The labels are shifted by hand, and the model shifts them once more (pitfall 10).

# %% exercise="adapter" verdict="wrong" caught_by=["test_perplexity_falls_by_5_percent", "test_log_tells_of_this_training"]
from transformers import Trainer, default_data_collator

shifted = train_blocks.map(lambda block: {"labels": block["labels"][1:] + [-100]})
trainer = Trainer(peft_model, train_args, train_dataset=shifted, data_collator=default_data_collator)
trainer.train()
peft_model.save_pretrained(str(OUT / "adapter"))
