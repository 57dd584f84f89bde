# %% [markdown]
# The statistics module's quantiles, sources counted by hand, a source without documents written as 0.

# %% exercise="stats" verdict="right"
import json
import statistics

lengths = [len(ids) for ids in tokenized["input_ids"]]
cuts = statistics.quantiles(lengths, n=20)
ids = list(train_ds["_id"])
stats = {
    "tokens": {"total": sum(lengths), "p5": cuts[0], "p50": statistics.median(lengths), "p95": cuts[18], "max": max(lengths)},
    "sources": {s: sum(i.startswith(s + "-") for i in ids) for s in ("pmc", "usmle", "trec")},
    "documents": {"train": train_ds.num_rows, "val": val_ds.num_rows, "test": test_ds.num_rows},
}
with open("out/lab3/stats.json", "w") as file:
    json.dump(stats, file)
