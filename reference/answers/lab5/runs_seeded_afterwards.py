# %% [markdown]
# Seeds when the adapter is already made.

# %% exercise="runs" verdict="wrong" caught_by=["test_runs_can_be_repeated"]
def run_one(config):
    data = batches(config)
    with fresh_adapter(config["r"], config["lora_alpha"]) as model:
        seed_everything(config["seed"])
        started = time.perf_counter()
        losses = train(model, data, config["learning_rate"])
        seconds = time.perf_counter() - started
        score = validate(model)
        trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
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
