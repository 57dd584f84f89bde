# %% [markdown]
# Validates when the adapter is gone: always the base's perplexity.

# %% exercise="runs" verdict="wrong" caught_by=["test_every_planned_run_is_reported", "test_runs_agree_with_the_graders"]
def run_one(config):
    seed_everything(config["seed"])
    data = batches(config)
    with fresh_adapter(config["r"], config["lora_alpha"]) as model:
        started = time.perf_counter()
        losses = train(model, data, config["learning_rate"])
        seconds = time.perf_counter() - started
        trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    score = validate(base)
    fine = None not in losses and score["val_ppl"] is not None and score["val_ppl"] <= base_score["val_ppl"]
    return {
        "run_id": config["run_id"],
        "config": config,
        "tokens": data.numel(),
        "trainable": trainable,
        "losses": losses,
        "val_ppl": score["val_ppl"],
        "bpb": score["bpb"],
        "tok_per_s": data.numel() / seconds,
        "peak_mem": peak_memory(),
        "status": "ok" if fine else "diverged",
    }

with (OUT / "runs.jsonl").open("w") as file:
    for config in planned:
        row = run_one(config)
        file.write(json.dumps(row) + "\n")
