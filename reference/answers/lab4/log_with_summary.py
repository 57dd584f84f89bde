# %% [markdown]
# The whole history, the trainer's summary included.

# %% exercise="log" verdict="wrong" caught_by=["test_log_has_a_line_for_each_step"]
(OUT / "log.jsonl").write_text("\n".join(map(json.dumps, trainer.state.log_history)))
