# %% [markdown]
# Rank-stabilised LoRA of rank 16, gradient accumulation, a cosine schedule, half the learning rate; the log is kept by a
# callback and the adapter is saved by the trainer.

# %% exercise="peft_model" verdict="right"
peft_model = FastLanguageModel.get_peft_model(
    base, r=16, lora_alpha=16, lora_dropout=0.05, use_rslora=True, target_modules=profile.lora["target_modules"], random_state=profile.train["seed"]
)

# %% exercise="train_args" verdict="right"
settings = dict(profile.train)
settings["gradient_accumulation_steps"] *= 2
settings["per_device_train_batch_size"] //= 2
settings["learning_rate"] /= 2
settings["lr_scheduler_type"] = "cosine"
settings["warmup_steps"] = 0.1
train_args = UnslothTrainingArguments(
    **settings,
    output_dir=str(OUT / "trainer"),
    logging_steps=1,
    save_strategy="no",
    report_to="none",
    max_length=profile.block_size,
    packing=False,
    bf16=False,
    gradient_checkpointing=False,
)

# %% exercise="adapter" verdict="right"
from transformers import TrainerCallback


class Keep(TrainerCallback):
    """Remembers every step's numbers."""

    lines = []

    def on_log(self, args, state, control, logs=None, **kwargs):
        if "loss" in logs:
            self.lines.append({"step": state.global_step, **logs})


trainer = UnslothTrainer(
    model=peft_model, processing_class=tokenizer, train_dataset=train_blocks.remove_columns("labels"), args=train_args, callbacks=[Keep()]
)
trainer.train()
trainer.save_model(str(OUT / "adapter"))

# %% exercise="log" verdict="right"
(OUT / "log.jsonl").write_text("\n".join(json.dumps(line) for line in Keep.lines))
