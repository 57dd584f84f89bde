"""Hidden inputs of Lab 5: other plans, runs once more, rows nobody measured. No expected values here."""

import random

import torch
from boxed import probe
from utils.course import load_profile

PLANS = {
    "other values": {
        "centre": {"learning_rate": 3e-4, "r": 12, "length": 192, "seed": 11},
        "values": {"learning_rate": [1e-4, 3e-4, 1e-3, 2e-3, 5e-3], "r": [2, 6, 12, 24], "length": [96, 384], "seed": [13, 24]},
        "steps": 7,
        "tokens_per_step": 768,
    },
    "a centre outside the lists, an empty list": {
        "centre": {"learning_rate": 0.004, "r": 16, "length": 64, "seed": 5},
        "values": {"learning_rate": [0.001, 0.0011, 0.02], "r": [], "length": [32, 128, 512], "seed": [0, 6]},
        "steps": 25,
        "tokens_per_step": 1024,
    },
}


@probe
def grids(make_grid):
    return {kind: make_grid({**plan, "centre": dict(plan["centre"])}) for kind, plan in PLANS.items()}


def _again(run_one, config):
    """The row of one more run, what the model was really trained on, and with PEFT α / r and the first A."""
    seen, lora = [], {}

    def look(module, inputs):
        if isinstance(module, torch.nn.Embedding) and module.training and torch.is_grad_enabled() and inputs:
            seen.append(list(inputs[0].shape))
        if not lora and getattr(module, "lora_A", None) and module.training:
            adapter = next(iter(module.lora_A))
            lora.update(scaling=float(module.scaling[adapter]), first_a=module.lora_A[adapter].weight.detach().float().abs().sum().item())

    hook = torch.nn.modules.module.register_module_forward_pre_hook(look)
    try:
        row = run_one(dict(config))
    finally:
        hook.remove()
    return {"config": config, "row": row, "seen": seen, "lora": lora}


def _steady(planned):
    """Planned runs that should not diverge."""
    centre = load_profile().train["learning_rate"]
    return [config for config in planned if config["learning_rate"] <= centre]


@probe
def longest_again(run_one, planned):
    return _again(run_one, max(_steady(planned), key=lambda config: (config["length"], config["run_id"])))


@probe
def largest_again(run_one, planned):
    return _again(run_one, max(_steady(planned), key=lambda config: (config["r"], config["run_id"])))


@probe
def unplanned(run_one):
    """A short run that is in nobody's plan, with an α that is not 2 · r."""
    return _again(run_one, _unplanned())


@probe
def unplanned_reseeded(run_one):
    """Its beginning with another seed."""
    return _again(run_one, {**_unplanned(), "run_id": "unplanned, reseeded", "seed": 98, "steps": 1})


def _unplanned():
    profile = load_profile()
    length = profile.block_size // 2
    return {
        "run_id": "unplanned",
        "learning_rate": profile.train["learning_rate"] * 0.6,
        "r": 2,
        "lora_alpha": 6,
        "length": length,
        "seed": 97,
        "steps": 4,
        "batch_size": profile.sweep["tokens_per_step"] // length,
    }


def _row(run_id, val_ppl, tok_per_s, status="ok", **more):
    config = {"run_id": run_id, "learning_rate": 0.001, "r": 8, "lora_alpha": 16, "length": 128, "steps": 10, "batch_size": 4, "seed": 1}
    config |= {key: more.pop(key) for key in list(more) if key in config}
    row = {
        "run_id": run_id, "config": config, "tokens": 5120, "trainable": 5000 * config["r"], "losses": [5.0, 4.5, (val_ppl or 90.0) / 10], "val_ppl": val_ppl,
        "bpb": None if val_ppl is None else 0.02 * val_ppl, "tok_per_s": tok_per_s, "peak_mem": 2_000_000_000, "status": status,
    }  # fmt: skip
    return {**row, **more}


def _cloud():
    """Rows by rising perplexity, ties by falling speed: a front with ties, equals and both ends, and what it dominates."""
    return [
        _row("best", 20.0, 300.0),
        _row("as good, slower", 20.0, 250.0),
        _row("knee", 22.5, 700.0),
        _row("knee, once more", 22.5, 700.0),
        _row("behind the knee", 24.0, 650.0),
        _row("as fast as the knee, worse", 25.0, 700.0),
        _row("middle", 26.0, 800.0),
        _row("far behind", 30.0, 100.0),
        _row("fastest", 35.0, 900.0),
        _row("as fast as the fastest, worse", 36.0, 900.0),
        _row("diverged, fast", 5e8, 990.0, "diverged"),
    ]


def _ids(found):
    if hasattr(found, "to_dict"):
        found = found.to_dict("records")
    return [row["run_id"] if isinstance(row, dict) else str(row) for row in found]


def _copied(rows):
    return [{**row, "config": dict(row["config"]), "losses": list(row["losses"])} for row in rows]


@probe
def fronts(pareto):
    single = [_row("only", 50.0, 10.0), _row("boom", 1e6, 20.0, "diverged")]
    tempting = [*_cloud(), _row("diverged, with good numbers", 22.0, 750.0, "diverged")]  # a loss was None, and it came back
    return {
        "cloud": _ids(pareto(_copied(_cloud()))),
        "one run": _ids(pareto(single)),
        "all diverged": _ids(pareto(single[1:])),
        "one that diverged and came back": _ids(pareto(tempting)),
    }


@probe
def fronts_shuffled(pareto):
    rows = [*_cloud(), _row("not a number", None, 995.0, "diverged")]
    found = {}
    for seed in range(6):
        order = _copied(rows)
        random.Random(seed).shuffle(order)
        found[f"order {seed}"] = _ids(pareto(order))
    return found


def _chosen(choose, cases):
    """The choices in each case, the rows in three orders; what it raises counts as an answer."""
    found = {}
    for kind, (rows, constraint) in cases.items():
        answers = set()
        for seed in range(3):
            order = _copied(rows)
            random.Random(seed).shuffle(order)
            try:
                answer = choose(order, dict(constraint))
            except ValueError:
                answers.add("ValueError")
            except NotImplementedError:
                raise
            except Exception as error:
                answers.add(f"raised {type(error).__name__}")
            else:
                answers.add(str(answer["run_id"] if isinstance(answer, dict) else answer))
        found[kind] = sorted(answers)
    return found


def _seeds():
    """Two bad runs that differ in the seed, by less than all else."""
    return [_row("slow", 60.0, 100.0, learning_rate=0.0001), _row("slow twin", 60.125, 100.0, learning_rate=0.0001, seed=2)]


@probe
def chosen_by_validation(choose):
    """Little luck, no limits, nothing diverged: only other numbers that tempt."""
    return _chosen(
        choose,
        {
            "a test_ppl": (
                [
                    *_seeds(),
                    _row("a", 24.0, 500.0, test_ppl=21.0),
                    _row("b", 21.0, 400.0, learning_rate=0.002, test_ppl=26.0),
                    _row("c", 23.0, 900.0, learning_rate=0.004, test_ppl=19.0),
                ],
                {},
            ),
            "training losses": (
                [
                    *_seeds(),
                    _row("p", 31.0, 500.0, losses=[5.0, 4.0, 1.5], learning_rate=0.01),
                    _row("q", 28.0, 500.0, losses=[5.0, 4.5, 4.25]),
                    _row("s", 29.5, 900.0, losses=[5.0, 3.0, 3.5], r=4),
                ],
                {},
            ),
            "a clear winner of a large rank": (
                [*_seeds(), _row("four", 30.0, 500.0, r=4), _row("sixteen", 20.0, 500.0, r=16), _row("eight", 25.0, 500.0, length=64)],
                {},
            ),
        },
    )


@probe
def chosen_within_limits(choose):
    """Diverged runs and constraints; all differences are clear."""
    rows = [
        *_seeds(),
        _row("best, slow", 20.0, 300.0, r=16),
        _row("good", 22.0, 600.0, peak_mem=6_000_000_000),
        _row("lean", 24.0, 800.0, r=4, peak_mem=1_000_000_000),
        _row("fast", 28.0, 950.0, r=2, peak_mem=3_000_000_000),
        _row("boom", 3e9, 990.0, "diverged", learning_rate=0.1),
        _row("no number", None, 990.0, "diverged", learning_rate=0.2),
    ]
    lucky = [
        *_seeds(),
        _row("lucky", 19.0, 500.0, "diverged", learning_rate=0.05),
        _row("sound", 23.0, 500.0),
        _row("weak", 27.0, 500.0, r=4),
    ]
    return _chosen(
        choose,
        {
            "a diverged run with a good val_ppl": (lucky, {}),
            "a lower limit": (rows, {"min_tok_per_s": 500.0}),
            "a lower limit that one run just meets": (rows, {"min_tok_per_s": 800.0}),
            "an upper limit": (rows, {"max_peak_mem": 2_500_000_000, "max_trainable": 60_000}),
            "an upper and a lower limit": (rows, {"max_peak_mem": 4_000_000_000, "min_tok_per_s": 900.0}),
            "limits that no run meets": (rows, {"min_tok_per_s": 960.0}),
        },
    )


@probe
def chosen_beyond_luck(choose):
    """Differences smaller and larger than between runs that differ in the seed alone."""
    rows = [
        _row("centre", 20.5, 500.0),
        _row("twin", 21.5, 500.0, seed=2),
        _row("r=16", 20.0, 450.0, r=16, lora_alpha=32),
        _row("r=4", 20.75, 550.0, r=4, lora_alpha=8),
        _row("r=2", 21.25, 600.0, r=2, lora_alpha=4),
        _row("low", 26.0, 500.0, learning_rate=0.0001),
    ]
    three = [
        _row("centre", 40.0, 500.0),
        _row("second", 41.5, 500.0, seed=2),
        _row("third", 37.0, 500.0, seed=3),
        _row("broken", 1e7, 500.0, "diverged", seed=4),
        _row("r=32", 36.0, 400.0, r=32, lora_alpha=64),
        _row("r=4", 40.25, 500.0, r=4, lora_alpha=8),
        _row("r=1", 41.0, 500.0, r=1, lora_alpha=2),
    ]
    slow_twins = [
        _row("centre", 20.5, 500.0),
        _row("twin", 21.5, 500.0, seed=2),
        _row("r=4", 20.25, 550.0, r=4, lora_alpha=8),
        _row("r=2", 20.75, 600.0, r=2, lora_alpha=4),
    ]
    level = [_row("a", 30.0, 500.0, length=64), _row("b", 30.5, 560.0), _row("c", 31.5, 500.0, seed=9), _row("d", 30.25, 400.0, r=16)]
    return _chosen(
        choose,
        {
            "a smaller rank within luck": (rows, {}),
            "a smaller rank just within luck": (
                [row for row in rows if row["run_id"] not in ("r=4", "r=2")] + [_row("edge", 21.0, 500.0, r=4)],
                {},
            ),
            "three seeds": (three, {}),
            "luck among runs that miss the constraint": (slow_twins, {"min_tok_per_s": 520.0}),
            "one rank, all within luck": (level, {}),
            "no two seeds": (
                [row for row in rows if row["run_id"] != "twin"] + [_row("a hair behind", 20.03125, 500.0, r=1, lora_alpha=2)],
                {},
            ),
            "another seed and more steps": (
                [*rows, _row("longer", 17.0, 500.0, r=64, seed=3, steps=40), _row("longer, r=8", 29.0, 500.0, seed=3, steps=40)],
                {},
            ),
        },
    )
