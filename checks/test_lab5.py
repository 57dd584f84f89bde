"""Lab 5, hyperparameter sweep: the plan, the runs, the Pareto front, the choice. 14 points."""

import math
from collections import Counter
from typing import Any

from grader import check, expect

Row = dict[str, Any]
FACTORS = ("learning_rate", "r", "length", "seed")
FIELDS = (*FACTORS, "lora_alpha", "steps", "batch_size")


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_positive(value: Any) -> bool:
    return is_number(value) and value > 0


# Exercise 1: make_grid


def plans(student: Any, reference: Any) -> list[tuple[str, list[Row], list[Row]]]:
    """(kind of plan, the student's runs, the reference's) for the course's plan and the hidden ones."""
    found, wanted = student.probe("grids"), reference.probe("grids")
    pairs = [("the notebook's `cfg`", student.variable("grid"), reference.variable("grid"))]
    pairs += [(f"a plan with {kind}", found.get(kind), wanted[kind]) for kind in wanted]
    return [(kind, as_runs(runs, kind), same) for kind, runs, same in pairs]


def as_runs(found: Any, kind: str) -> list[Row]:
    """A list of dicts with every field, each a number."""
    expect(isinstance(found, list) and found, f"For {kind}, `make_grid` gave no list of runs. Return a list with one dict for each run.")
    for run in found:
        expect(isinstance(run, dict), f"For {kind}, a run is not a dict. Each run is one dict with the fields of the table.")
        missing = [field for field in FIELDS if not is_number(run.get(field))]
        expect(not missing, f"For {kind}, a run has no number as `{(missing or [''])[0]}`. Every run has all fields of the table.")
    return found


def factors(run: Row) -> tuple[float, ...]:
    return tuple(float(run[factor]) for factor in FACTORS)


@check("make_grid", points=1)
def test_every_run_has_a_name_of_its_own(student, reference):
    """Every run has all fields, and a `run_id` that no other has"""
    for kind, found, _ in plans(student, reference):
        names = Counter(run.get("run_id") if isinstance(run.get("run_id"), str) else "" for run in found)
        expect(names[""] == 0, f"For {kind}, a run has no `run_id`, or one that is not a text. Give each run a name.")
        twice = [name for name, count in names.items() if count > 1]
        expect(
            not twice, f"For {kind}, {len(twice)} names stand for more than one run. Put factor and value, unrounded, into the `run_id`."
        )


@check("make_grid", points=1)
def test_one_change_in_each_run(student, reference):
    """The centre once, and each other value as the only change"""
    for kind, found, wanted in plans(student, reference):
        centre = next(run for run in wanted if run["run_id"] == "centre")
        changes = [sum(a != b for a, b in zip(factors(run), factors(centre), strict=True)) for run in found]
        expect(
            max(changes) <= 1,
            f"For {kind}, {sum(n > 1 for n in changes)} of {len(found)} runs differ from the centre in more than one factor. "
            "Start every run from the centre and replace one.",
        )
        expect(
            changes.count(0) == 1,
            f"For {kind}, the centre is planned {changes.count(0)} times; expected once. A value that equals the centre's is the centre.",
        )
        have, want = Counter(map(factors, found)), Counter(map(factors, wanted))
        expect(
            not want - have,
            f"For {kind}, {sum((want - have).values())} of {len(wanted)} runs are missing. Every value of every factor has its run.",
        )
        expect(
            not have - want, f"For {kind}, {sum((have - want).values())} runs are there twice, or have values that the plan does not name."
        )


@check("make_grid", points=1)
def test_equal_budgets_are_planned(student, reference):
    """steps × batch × length is the same for all, and α = 2r"""
    for kind, found, wanted in plans(student, reference):
        steps = wanted[0]["steps"]
        budget = steps * wanted[0]["batch_size"] * wanted[0]["length"]
        for run in found:
            tokens = run["steps"] * run["batch_size"] * run["length"]
            expect(
                tokens == budget and run["steps"] == steps,
                f"For {kind}, a run of length {run['length']:g} has {run['steps']:g} steps and {tokens:,g} tokens; the plan's budget is {steps} steps and {budget:,} "
                "tokens. The batch size makes up for the length.",
            )
            expect(
                isinstance(run["batch_size"], int),
                f"For {kind}, a run has `batch_size` {run['batch_size']}; expected an `int`. `/` gives a float: use `//`.",
            )
            expect(
                run["lora_alpha"] == 2 * run["r"],
                f"For {kind}, a run of rank {run['r']:g} has `lora_alpha` {run['lora_alpha']:g}; expected 2 · r. With α fixed, a new rank changes two things.",
            )


# Exercise 2: runs

AGAIN = 1e-3
"""How far a run's numbers may be from its own repetition, relative. Repeated in one process on a CPU they are equal to the last bit (tiny and
SmolLM2). With another draw of A alone, same batches, single losses move by up to 2 % and val_ppl by 0.5 to 0.9 %."""

BAND = 0.2
"""How far ln(val_ppl) may be from the reference's for the same config. With the given tools it is equal to 1e-5; with gradient clipping, warm-up or
weight decay within 0.02; with batches in another order within 0.07 (standard deviation over 6 seeds: 0.04 embedded notes, 0.02 real
ones), and 0.16 near the cliff. A run at the lowest instead of the centre's rate is 0.24 to 0.55 away, an untrained one 0.4 to 0.8."""


def runs_file(student: Any) -> list[Row]:
    """The rows of runs.jsonl, each complete."""
    rows = student.jsonl("out/lab5/runs.jsonl")
    expect(rows, "out/lab5/runs.jsonl is empty. Write one line for each run.")
    for number, row in enumerate(rows, 1):
        problem = row_problem(row)
        expect(not problem, f"Line {number} of out/lab5/runs.jsonl {problem}")
    return rows


def row_problem(row: Any) -> str:
    """What is wrong with a row's form, as the end of a sentence; empty when nothing is."""
    if not isinstance(row, dict):
        return "is not a JSON object. Each line is one run."
    if not isinstance(row.get("run_id"), str) or not isinstance(row.get("config"), dict):
        return "has no text as `run_id`, or no object as `config`."
    if not all(is_number(row["config"].get(field)) for field in FIELDS):
        return "has a `config` without all fields of the plan. Store the config as it was given."
    for field in ("tokens", "trainable", "tok_per_s", "peak_mem"):
        if not is_positive(row.get(field)):
            return f"has no number above 0 as `{field}`."
    losses = row.get("losses")
    if not isinstance(losses, list) or not losses or not all(loss is None or is_positive(loss) for loss in losses):
        return "has `losses` that are not a list of numbers. Store what `train` returns."
    if row.get("status") not in ("ok", "diverged"):
        return 'has a `status` other than "ok" and "diverged".'
    scores = [row.get("val_ppl"), row.get("bpb")]
    if not all(
        is_positive(score) or (score is None and row["status"] == "diverged" and name in row)
        for name, score in zip(("val_ppl", "bpb"), scores, strict=True)
    ):
        return "has no number as `val_ppl` or `bpb`. Only a diverged run may have null there."
    return ""


def plan_of(config: Row) -> tuple[float, ...]:
    return tuple(float(config[field]) for field in FIELDS)


def measured_alike(student: Any, reference: Any) -> list[tuple[Row, Row]]:
    """(the student's row, the reference's row) of every config that both ran, with the unplanned one."""
    wanted = {plan_of(row["config"]): row for row in runs_file(reference)}
    pairs = [(row, wanted[plan_of(row["config"])]) for row in runs_file(student) if plan_of(row["config"]) in wanted]
    expect(pairs, "None of your runs has a config of the notebook's `cfg`. Run what `planned` holds.")
    return pairs


def repetition(student: Any, name: str) -> tuple[Row, Row, list[list[int]]]:
    """(config given, row returned, shapes of the batches trained on) of one more run."""
    found = student.probe(name)
    problem = row_problem(found["row"])
    expect(not problem, f"Called once more, `run_one` returned a row that {problem}")
    return found["config"], found["row"], found["seen"]


@check("runs", points=1, public=True)
def test_rows_are_complete(student):
    """`runs.jsonl` has all fields in every row"""
    names = Counter(row["run_id"] for row in runs_file(student))
    expect(
        max(names.values()) == 1,
        "Two rows of out/lab5/runs.jsonl have the same `run_id`. Write each run once; open the file afresh each time.",
    )


@check("runs", points=1, after="test_rows_are_complete")
def test_every_planned_run_is_reported(student, reference):
    """Every planned run is there, and the failed one is called so"""
    rows = runs_file(student)
    planned = as_runs(student.variable("planned"), "`planned`")
    have, want = Counter(plan_of(row["config"]) for row in rows), Counter(map(plan_of, planned))
    expect(
        have == want,
        f"{len(planned)} runs were planned, {sum((want - have).values())} of them are not in out/lab5/runs.jsonl, and {sum((have - want).values())} in it were not "
        "planned. Report every run as it was planned, also the one that failed.",
    )
    for row, same in measured_alike(student, reference):
        if same["status"] == "diverged":
            expect(
                row["status"] == "diverged",
                f"The run {row['run_id']!r} is reported as ok, and it diverged. Compare its `val_ppl` with the untouched base's, as the exercise says.",
            )
        else:
            expect(
                row["status"] == "ok",
                f"The run {row['run_id']!r} is reported as diverged, and it trains well. Is the adapter still in when you validate? Compare `val_ppl` with `base_score`.",
            )


@check("runs", points=1, after="test_rows_are_complete")
def test_every_run_has_the_same_budget(student):
    """Every run trained on the same number of tokens, as its config says"""
    for row in runs_file(student):
        budget = row["config"]["steps"] * row["config"]["batch_size"] * row["config"]["length"]
        expect(
            row["tokens"] == budget and len(row["losses"]) == row["config"]["steps"],
            f"The run {row['run_id']!r} reports {row['tokens']:,g} tokens and {len(row['losses'])} losses; its config says {budget:,g} tokens in "
            f"{row['config']['steps']:g} steps. Train every run to the end, and no longer.",
        )
    for name in ("longest_again", "unplanned"):
        config, row, seen = repetition(student, name)
        trained, budget = sum(math.prod(shape) for shape in seen), config["steps"] * config["batch_size"] * config["length"]
        expect(
            row["tokens"] == budget and (trained == budget or not seen),
            f"Called with a config of {budget:,} tokens, `run_one` trained on {trained:,} and reported {row['tokens']:,g}. Take steps, batch size and length from `config`.",
        )
        lengths = {shape[-1] for shape in seen}
        expect(
            lengths <= {config["length"]},
            f"Called with a config of length {config['length']}, `run_one` trained on rows of {', '.join(map(str, sorted(lengths)))} tokens. Take the length from `config`.",
        )


@check("runs", points=1, after="test_rows_are_complete")
def test_runs_can_be_repeated(student):
    """Run once more, two of the runs give the numbers in `runs.jsonl`"""
    claimed = {plan_of(row["config"]): row for row in runs_file(student)}
    for name in ("longest_again", "largest_again"):
        config, row, _ = repetition(student, name)
        claim = claimed.get(plan_of(config))
        expect(claim is not None, f"The planned run {config['run_id']!r} is not in out/lab5/runs.jsonl.")
        hint = (
            f"Run once more, {config['run_id']!r} gave other numbers than its row has. Seed before the adapter is made, begin each run with a fresh one, "
            "and write down what `run_one` returned."
        )
        expect(None not in [*claim["losses"], *row["losses"], claim["val_ppl"], row["val_ppl"]], hint)
        expect.close(row["losses"], claim["losses"], hint, rtol=AGAIN)
        expect.close(row["val_ppl"], claim["val_ppl"], hint, rtol=AGAIN)
    one, other = (student.probe(name)["lora"].get("first_a") for name in ("unplanned", "unplanned_reseeded"))
    expect(
        one is None or one != other,  # None: made without PEFT, not seen
        "With another `seed` in its config a run began with the very same A. Seed with `config['seed']`, or the twin run measures half of luck only.",
    )


@check("runs", points=1, after="test_rows_are_complete")
def test_runs_agree_with_the_graders(student, reference):
    """Perplexity, bits per byte and trained parameters are what such runs give"""
    pairs = measured_alike(student, reference)
    pairs.append((repetition(student, "unplanned")[1], repetition(reference, "unplanned")[1]))
    for row, same in pairs:
        expect(
            row["trainable"] == same["trainable"],
            f"The run {row['run_id']!r} has rank {same['config']['r']} in its config, and another number of trained parameters than that rank gives. Make the "
            "adapter with the config's `r`, and count what has `requires_grad`.",
        )
        if row is pairs[-1][0]:
            scaling, config = student.probe("unplanned")["lora"].get("scaling"), same["config"]
            expect(
                scaling is None
                or math.isclose(scaling, config["lora_alpha"] / config["r"], rel_tol=1e-6),  # None: made without PEFT, not seen
                f"Called with rank {config['r']} and `lora_alpha` {config['lora_alpha']}, the adapter's α / r was {scaling}. Take both from `config`.",
            )
        if same["status"] == "diverged" or row["status"] == "diverged":
            continue  # nothing to compare: the numbers of a diverged run are chance
        expect(
            abs(math.log(row["val_ppl"] / same["val_ppl"])) <= BAND,
            f"The run {row['run_id']!r} has a validation perplexity of {row['val_ppl']:.1f}, far from what this config gives. Train with the config's learning rate, "
            "from a fresh adapter, and `validate` while it is in.",
        )
        # both come from the same nats: bpb / ln(val_ppl) is the tokens per byte of the validation blocks, exactly
        expect.close(
            row["bpb"] / math.log(row["val_ppl"]),
            same["bpb"] / math.log(same["val_ppl"]),
            f"The run {row['run_id']!r} has a `bpb` that does not belong to its `val_ppl`. Take both from one call of `validate`; training loss is something else.",
            rtol=1e-3,
        )


# Exercise 3: pareto


def front(found: Any, wanted: Any) -> tuple[set[str], set[str]]:
    """(the student's, the reference's) run ids of one front."""
    expect(isinstance(found, list), "`pareto` did not return a list of rows.")
    return set(map(str, found)), set(wanted)


@check("pareto", points=1)
def test_front_holds_nothing_dominated(student, reference):
    """No run on the front is dominated, and none diverged"""
    found, wanted = student.probe("fronts"), reference.probe("fronts")
    for kind, same in wanted.items():
        have, want = front(found.get(kind), same)
        expect(
            have <= want,
            f"{len(have - want)} of {len(have)} runs on the front should not be there. A run that another equals in one goal and beats in the other "
            "is dominated; a diverged run is left out, however fast it was.",
        )


@check("pareto", points=1)
def test_front_holds_all_others(student, reference):
    """Every run that nobody dominates is on the front, once"""
    found, wanted = student.probe("fronts"), reference.probe("fronts")
    for kind, same in wanted.items():
        have, want = front(found.get(kind), same)
        expect(
            want <= have
            or (kind == "one that diverged and came back" and not have <= want),  # that it is there at all is the other check's
            f"{len(want - have)} of {len(want)} runs are missing on the front. Lower `val_ppl` and higher `tok_per_s` are better, both ends belong to it, and of two runs with "
            "equal numbers neither dominates the other. Diverged runs dominate nobody, whatever their numbers.",
        )
        expect(len(found[kind]) == len(have), "A run stands on the front more than once.")


@check("pareto", points=1, after=("test_front_holds_nothing_dominated", "test_front_holds_all_others"))
def test_front_is_the_same_in_any_order(student, reference):
    """The order of the rows changes nothing"""
    found, wanted = student.probe("fronts_shuffled"), reference.probe("fronts_shuffled")
    for kind, same in wanted.items():
        have, want = front(found.get(kind), same)
        expect(
            have == want,
            "With the same rows in another order, the front is another. Compare each run with all others, not only with those before it.",
        )


# Exercise 4: choose


def expect_choice(found: Any, wanted: dict[str, list[str]], hints: dict[str, str], hint: str) -> None:
    """The same choice as the reference's in each case; `hints` say more about some cases."""
    expect(isinstance(found, dict), "`choose` gave nothing to look at.")
    for kind, same in wanted.items():
        answers = found[kind]
        expect(len(answers) == 1, f"With {kind}: the choice depends on the order of the rows. Where several are level, the rule names one.")
        if same != answers == ["ValueError"]:
            expect(False, f"With {kind}: `choose` raised ValueError, though there are candidates. Without two seeds to compare, luck is 0.")
        raised = str(answers[0]).removeprefix("raised ")
        more = {
            "TypeError": "The `val_ppl` of a diverged run may be None.",
            "KeyError": "The name of a field is all that follows `min_` or `max_`.",
        }.get(raised, "Make a small case like this yourself, and look.")
        expect(raised == answers[0] or same == ["ValueError"], f"With {kind}: `choose` raised {raised}. {more}")
        expect(answers == same, f"With {kind}: {hints.get(kind, hint)}")


@check("choose", points=1)
def test_choice_is_by_validation(student, reference):
    """The lowest validation perplexity wins, and nothing else counts"""
    expect_choice(
        student.probe("chosen_by_validation"),
        reference.probe("chosen_by_validation"),
        {
            "a clear winner of a large rank": "the difference is clear, and the smaller rank was taken all the same. Rank decides only among runs that luck cannot tell apart."
        },
        "the choice is not the run with the lowest `val_ppl`. Look at validation only: not at `test_ppl`, not at training losses, not at speed.",
    )


@check("choose", points=1)
def test_choice_is_a_candidate(student, reference):
    """Diverged runs and runs that miss the constraint are never chosen"""
    expect_choice(
        student.probe("chosen_within_limits"),
        reference.probe("chosen_within_limits"),
        {
            "a diverged run with a good val_ppl": 'the choice is not the best run with status "ok". Leave out the others first.',
            "limits that no run meets": "expected a ValueError, as no candidate is left.",
        },
        "the choice is not the best of the runs that meet it. `min_` and `max_` stand before any field of a row, all entries hold, and equal is enough.",
    )


@check("choose", points=1)
def test_choice_minds_luck(student, reference):
    """Differences no larger than luck don't decide: the smaller rank does"""
    expect_choice(
        student.probe("chosen_beyond_luck"),
        reference.probe("chosen_beyond_luck"),
        {
            "luck among runs that miss the constraint": "luck is measured on all runs that are ok, also on those that miss the constraint.",
            "one rank, all within luck": "of several runs with the smallest rank, the one with the lowest `val_ppl` is wanted.",
            "no two seeds": "nobody measured luck here, so it is 0 and the best `val_ppl` wins.",
            "another seed and more steps": "two runs count as luck only if their configs are equal in everything but `seed` and `run_id`, `steps` too.",
            "three seeds": "luck is the largest difference between any two runs that differ in the seed alone and did not diverge.",
        },
        "the choice is not the one that the rule gives. Measure luck between runs that differ in the seed alone, keep all candidates up to that much above "
        "the best (equal is enough), and take the smallest rank of them.",
    )
