# %% [markdown]
# Appends to the file, which a first try left behind.

# %% exercise="runs" verdict="wrong" caught_by=["test_rows_are_complete"]
def run_one(config):
    seed_everything(config["seed"])
    data = batches(config)
    with fresh_adapter(config["r"], config["lora_alpha"]) as model:
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

for attempt in range(2):
    with (OUT / "runs.jsonl").open("a") as file:
        for config in planned[: 2 if attempt == 0 else None]:
            file.write(json.dumps(run_one(config)) + "\n")
