# %% [markdown]
# A log that looks plausible and was never measured (pitfall 18).

# %% exercise="log" verdict="wrong" caught_by=["test_log_tells_of_this_training"]
n = train_args.max_steps
with (OUT / "log.jsonl").open("w") as file:
    for step in range(1, n + 1):
        loss = 2.4 - 1.1 * (step / n) ** 0.5
        file.write(json.dumps({"step": step, "loss": round(loss, 4), "learning_rate": train_args.learning_rate * (1 - step / n)}) + "\n")
