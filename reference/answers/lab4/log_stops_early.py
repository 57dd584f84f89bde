# %% [markdown]
# The last ten steps are missing: the log is not of the whole run.

# %% exercise="log" verdict="wrong" caught_by=["test_log_tells_of_this_training"]
lines = [json.dumps(entry) for entry in trainer.state.log_history if "loss" in entry]
(OUT / "log.jsonl").write_text("\n".join(lines[:-10]))
