# %% [markdown]
# `run_one` trains nothing, and gives numbers that look like a sweep.

# %% exercise="runs" verdict="wrong" caught_by=["test_runs_agree_with_the_graders"]
def run_one(config):
    tokens = config["steps"] * config["batch_size"] * config["length"]
    gain = min(0.9, 40 * config["learning_rate"]) if config["learning_rate"] < 0.02 else -3
    score = base_score["val_ppl"] * math.exp(-gain)
    losses = [math.log(base_score["val_ppl"]) - gain * step / config["steps"] for step in range(config["steps"])]
    row = {"run_id": config["run_id"], "config": config, "tokens": tokens, "trainable": 20_352 * config["r"], "losses": losses, "val_ppl": score}
    row |= {"bpb": math.log(score) * 0.58, "tok_per_s": 1500.0, "peak_mem": peak_memory(), "status": "ok" if gain > 0 else "diverged"}
    return row

with (OUT / "runs.jsonl").open("w") as file:
    for config in planned:
        row = run_one(config)
        file.write(json.dumps(row) + "\n")
