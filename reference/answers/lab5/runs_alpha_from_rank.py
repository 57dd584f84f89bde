# %% [markdown]
# Makes α from the rank instead of taking it from the config.

# %% exercise="runs" verdict="wrong" caught_by=["test_runs_agree_with_the_graders"]
def run_one(config: dict) -> dict:
    """Train and measure one adapter as `config` says; its row for runs.jsonl."""
    seed_everything(config["seed"])
    data = batches(config)
    with fresh_adapter(config["r"], 2 * config["r"]) as model:
        trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
        started = time.perf_counter()
        losses = train(model, data, config["learning_rate"])
        seconds = time.perf_counter() - started
        score = validate(model)
    is_ok = None not in losses and score["val_ppl"] is not None and score["val_ppl"] <= base_score["val_ppl"]
    return {
        "run_id": config["run_id"],
        "config": config,
        "tokens": data.numel(),
        "trainable": trainable,
        "losses": losses,
        **score,
        "tok_per_s": data.numel() / seconds,
        "peak_mem": peak_memory(),
        "status": "ok" if is_ok else "diverged",
    }


with (OUT / "runs.jsonl").open("w") as file:
    for config in planned:
        row = run_one(config)
        file.write(json.dumps(row) + "\n")
        print(f"{row['run_id']:22} {row['status']:9} val_ppl {row['val_ppl'] or math.inf:12,.2f}   {row['tok_per_s']:7,.0f} tokens/s")
