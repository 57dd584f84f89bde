# %% [markdown]
# transformers' Trainer on the same batches, which it shuffles; the rows are written from a dict of results.

# %% exercise="runs" verdict="right"
from transformers import Trainer, TrainingArguments


def run_one(config):
    seed_everything(config["seed"])
    data = batches(config)
    examples = [{"input_ids": row, "labels": row} for row in data.flatten(0, 1)]
    arguments = TrainingArguments(
        output_dir=str(OUT / "trainer"),
        max_steps=config["steps"],
        per_device_train_batch_size=config["batch_size"],
        learning_rate=config["learning_rate"],
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=0.0,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=config["seed"],
        use_cpu=device == "cpu",
    )
    with fresh_adapter(config["r"], config["lora_alpha"]) as model:
        trainer = Trainer(model=model, args=arguments, train_dataset=examples)
        result = trainer.train()
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        score = validate(model)
        trainable = model.get_nb_trainable_parameters()[0]
    row = {"run_id": config["run_id"], "config": config, "tokens": data.numel(), "trainable": trainable, "losses": [finite(x) for x in losses]}
    row |= score
    row |= {"tok_per_s": data.numel() / result.metrics["train_runtime"], "peak_mem": peak_memory()}
    row["status"] = "ok" if None not in losses and (score["val_ppl"] or math.inf) <= base_score["val_ppl"] else "diverged"
    return row

with (OUT / "runs.jsonl").open("w") as file:
    for config in planned:
        row = run_one(config)
        file.write(json.dumps(row) + "\n")
