# %% [markdown]
# A set of plans, a class for a run, a sorted sweep, and pairs by itertools.

# %% exercise="make_grid" verdict="right"
from collections import namedtuple
Run = namedtuple("Run", "learning_rate r length seed")
def make_grid(cfg):
    c = Run(**cfg["centre"])
    runs = {c} | {c._replace(**{k: v}) for k, vs in cfg["values"].items() for v in vs}
    return [{"run_id": "_".join(map(str, x)), **x._asdict(), "lora_alpha": 2 * x.r, "steps": cfg["steps"], "batch_size": cfg["tokens_per_step"] // x.length} for x in runs]

grid = make_grid(cfg)

# %% exercise="runs" verdict="right"
from dataclasses import dataclass


@dataclass
class OneRun:
    config: dict

    def data(self):
        return batches(self.config)

    def go(self):
        c = self.config
        seed_everything(c["seed"])
        with fresh_adapter(r=c["r"], lora_alpha=c["lora_alpha"]) as lora:
            data = self.data()
            t0 = time.time()
            losses = train(lora, data, c["learning_rate"])
            t1 = time.time()
            n = sum(p.numel() for _, p in lora.named_parameters() if p.requires_grad)
            scores = validate(lora)
        bad = any(x is None for x in losses) or scores["val_ppl"] is None or scores["val_ppl"] > base_score["val_ppl"]
        n_tokens = int(np.prod(data.shape))
        return dict(
            scores, run_id=c["run_id"], config={**c}, tokens=n_tokens, trainable=n, losses=list(losses), tok_per_s=n_tokens / max(t1 - t0, 1e-9),
            peak_mem=peak_memory(), status=["ok", "diverged"][bad], seconds=t1 - t0, first_loss=losses[0],
        )  # fmt: skip


def run_one(config):
    print("running", config["run_id"])
    return OneRun(config).go()


results = list(map(run_one, planned))
(OUT / "runs.jsonl").write_text("\n".join(json.dumps(r, allow_nan=False) for r in results) + "\n\n")

# %% exercise="pareto" verdict="right"
import itertools


def pareto(rows):
    ok = sorted((x for x in rows if x["status"] == "ok"), key=lambda x: (-x["tok_per_s"], x["val_ppl"]))
    front, best = [], math.inf
    for _, group in itertools.groupby(ok, key=lambda x: x["tok_per_s"]):
        group = list(group)
        low = group[0]["val_ppl"]
        if low < best:
            front += [x for x in group if x["val_ppl"] == low]
            best = low
    return front

# %% exercise="choose" verdict="right"
import itertools
import operator
OPS = {"min": operator.ge, "max": operator.le}
class NoRun(ValueError):
    pass
def choose(rows, constraint):
    ok = [row for row in rows if row["status"] == "ok"]
    strip = lambda c: {k: c[k] for k in c if k != "seed" and k != "run_id"}
    luck = max([abs(a["val_ppl"] - b["val_ppl"]) for a, b in itertools.combinations(ok, 2) if strip(a["config"]) == strip(b["config"])], default=0)
    cands = ok
    for key, limit in constraint.items():
        side, _, field = key.partition("_")
        cands = [row for row in cands if OPS[side](row[field], limit)]
    if not cands: raise NoRun(constraint)
    cands = sorted(cands, key=lambda row: row["val_ppl"])
    close = [row for row in cands if row["val_ppl"] <= cands[0]["val_ppl"] + luck]
    smallest = min(row["config"]["r"] for row in close)
    return next(row["run_id"] for row in close if row["config"]["r"] == smallest)
