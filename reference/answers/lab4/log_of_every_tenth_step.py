# %% [markdown]
# Every tenth step only, as `logging_steps=10` gives.

# %% exercise="log" verdict="wrong" caught_by=["test_log_has_a_line_for_each_step"]
with (OUT / "log.jsonl").open("w") as file:
    for entry in [e for e in trainer.state.log_history if "loss" in e][9::10]:
        file.write(json.dumps(entry) + "\n")
