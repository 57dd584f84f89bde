# %% [markdown]
# transformers' own `Trainer` with its plain collator; half the steps of twice the batch; the profile's numbers passed on whole.

# %% exercise="peft_model" verdict="right"
peft_model = FastLanguageModel.get_peft_model(base, **profile.lora, random_state=profile.train["seed"])

# %% exercise="train_args" verdict="right"
from trl import SFTConfig

numbers = profile.train | {
    "max_steps": profile.train["max_steps"] // 2,
    "per_device_train_batch_size": profile.train["per_device_train_batch_size"] * 2,
    "lr_scheduler_type": "constant_with_warmup",
}
train_args = SFTConfig("out/lab4/checkpoints", **numbers, logging_steps=1, save_strategy="no", report_to="none", bf16=False, gradient_checkpointing=False)

# %% exercise="adapter" verdict="right"
from transformers import Trainer, default_data_collator

trainer = Trainer(peft_model, train_args, train_dataset=train_blocks, data_collator=default_data_collator)
trainer.train()
trainer.model.save_pretrained("out/lab4/adapter", safe_serialization=True)

# %% exercise="log" verdict="right"
with open("out/lab4/log.jsonl", "w") as file:
    for entry in trainer.state.log_history[:-1]:
        print(json.dumps(entry), file=file)
