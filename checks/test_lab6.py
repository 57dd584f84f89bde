"""Lab 6, evaluation: perplexity, bits per byte, an interval, the metrics, blinded pairs, a report. 14 points."""

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from grader import check, expect
from grader.card import sentences

SAME_NATS = 1e-4
"""Relative. Measured in float32: one window or eight at a time, padded or not, sdpa or eager attention: at most 7e-8 on the tiny
model. A stride or a window off by one changes a hidden document by 4e-3 and more."""


def numbers(value: Any, what: str) -> np.ndarray:
    """`value` as a one-dimensional array of finite numbers, whatever held them."""
    try:
        array = np.asarray(value, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        array = np.array([math.nan])
    expect(np.isfinite(array).all(), f"{what} should be finite numbers.")
    return array


def number(value: Any, what: str) -> float:
    """`value`, which has to be one finite number."""
    array = numbers(value, what)
    expect(array.size == 1, f"{what} should be one number.")
    return float(array[0])


def entry(value: Any, key: str, what: str) -> Any:
    """`value[key]` of a mapping."""
    expect(isinstance(value, dict) and key in value, f"{what} has no `{key}`. Compare its keys with the exercise's text.")
    return value[key]


# Exercise 1: strided_ppl


@check("strided_ppl", points=1)
def test_every_token_is_scored_once(student, reference):
    """Each document's tokens but the first are scored, once"""
    lengths = reference.probe("strided_counts")["lengths"]
    wanted = np.array(lengths) - 1
    for tokens in student.probe("strided_counts")["tokens"]:
        tokens = numbers(tokens, '`"tokens"`')
        expect(
            tokens.shape == wanted.shape,
            f'`"tokens"` has shape {tokens.shape} for {len(wanted)} documents. Score each document by itself: one number for each, in order.',
        )
        off = [(n, int(t)) for n, t in zip(lengths, tokens, strict=True) if t != n - 1]
        expect(
            not off,
            f"In {len(off)} of {len(wanted)} documents the count is wrong; one of {(off or [(0, 0)])[0][0]} tokens says "
            f"{(off or [(0, 0)])[0][1]} were scored. Only the first token of a *document* has nothing before it; a later window's first "
            "token is context.",
        )


@check("strided_ppl", points=1, after=("test_every_token_is_scored_once",))
def test_tokens_see_their_window(student, reference):
    """The nats are those of the windows asked for"""
    found, wanted = student.probe("strided_alone"), reference.probe("strided_alone")
    for setting, sums in wanted.items():
        for mine, same in zip(found[setting], sums, strict=True):
            expect.close(
                numbers(mine, '`"nats"`'),
                numbers(same, "nats"),
                f"With window/stride {setting} a document's sum of surprises is not what these windows give. Window k begins at k·stride; "
                "the logits at position t are about token t + 1; and a loss that is a mean needs the count of what it averaged.",
                rtol=SAME_NATS,
            )
    for mine, same in zip(student.probe("strided_loaded_model"), reference.probe("strided_loaded_model"), strict=True):
        expect.close(
            numbers(mine, '`"nats"`'),
            numbers(same, "nats"),
            "With the notebook's own `model` the sums of surprises differ. Use the model as it is given, in float32 from the logits on.",
            rtol=tolerance(reference),
        )


@check("strided_ppl", points=1)
def test_documents_do_not_mix(student):
    """`ppl` weighs tokens, and neither order nor company of the documents changes anything"""
    found = student.probe("strided_together")
    for name in ("together", "shuffled"):
        score = found[name]
        nats, tokens = (numbers(entry(score, key, "what `strided_ppl` returns"), f'`"{key}"`') for key in ("nats", "tokens"))
        expect(nats.shape == tokens.shape, 'Return one number per document in `"nats"` and in `"tokens"`.')
        # the same sums divided and exponentiated: float64 rounding only
        expect.close(
            number(entry(score, "ppl", "what `strided_ppl` returns"), '`"ppl"`'),
            math.exp(nats.sum() / tokens.sum()),
            "`ppl` is not exp(sum of nats / sum of tokens). A mean over documents or windows gives short ones too much weight: add up "
            "first, divide once.",
            rtol=1e-6,
        )
    together = numbers(found["together"]["nats"], '`"nats"`')
    alone = numbers(found["alone"], '`"nats"`')
    # in batches, padded: at most 2e-8 (measured); a document that sees another one differs by 1e-2 and more
    same_company = (
        "A document's nats change with the documents beside it. Score each by itself; in a batch, pad on the right and mask the padding."
    )
    expect.close(together, alone, same_company, rtol=SAME_NATS)
    expect.close(numbers(found["shuffled"]["nats"], '`"nats"`'), together[found["order"]], same_company, rtol=SAME_NATS)


@check("strided_ppl", points=1)
def test_dropout_is_off(student):
    """A model in training mode is scored as in evaluation mode"""
    found = student.probe("strided_in_training_mode")
    quiet = numbers(found["quiet"], '`"nats"`')
    for nats in found["training"]:
        expect.close(
            numbers(nats, '`"nats"`'),
            quiet,
            "Two evaluations of one model differ: it came in training mode, and dropout was on. Call `model.eval()` first.",
            rtol=1e-5,  # the same computation twice
        )


def tolerance(reference: Any) -> float:
    """Relative, for nats of the notebook's model; half precision has 8 to 11 bits, and 4-bit weights are computed in it."""
    return SAME_NATS if reference.probe("greedy_steps")["dtype"] == "torch.float32" else 1e-2


# Exercise 2: bits_per_byte


@check("bits_per_byte", points=1)
def test_nats_become_bits(student, reference):
    """Nats are divided by ln 2 and by the bytes"""
    expect.close(
        numbers(student.probe("bits_of_plain_text"), "What `bits_per_byte` returns"),
        numbers(reference.probe("bits_of_plain_text"), "bits"),
        "On a plain English text the result is not nats / (ln 2 · bytes). Turn nats into bits: a bit is the smaller unit, so there are more of "
        "them.",
        rtol=1e-6,  # a division
    )


@check("bits_per_byte", points=1)
def test_bytes_are_utf8(student):
    """The bytes are those of UTF-8, for °, µ and γ too"""
    found = student.probe("bits_of_symbols")
    plain, symbols, joined = (numbers(found[key], "What `bits_per_byte` returns") for key in ("plain", "symbols", "joined"))
    expect.close(
        joined,
        plain,
        "A text with symbols and a plain one of the same number of bytes give different results. `len(text)` counts characters; encode first.",
        rtol=1e-6,  # a division
    )
    expect.close(
        symbols,
        joined,
        "Three texts and the same three joined give different results. `nats` belongs to all of them: divide once, by the bytes of all, and "
        "add nothing between them.",
        rtol=1e-6,
    )


# Exercise 3: paired_bootstrap


@check("paired_bootstrap", points=1)
def test_interval_is_paired(student, reference):
    """The interval is that of a paired bootstrap over documents"""
    found = student.probe("bootstrap_intervals")
    interval = numbers(found["interval"], "What `paired_bootstrap` returns")
    expect(interval.shape == (2,), f"`paired_bootstrap` returned {interval.size} numbers; expected two, (low, high).")
    expect(interval[0] < interval[1], "The interval is empty or upside down. Draw with replacement, and return (low, high).")
    expect.close(
        numbers(found["again"], "What `paired_bootstrap` returns"),
        interval,
        "The same seed gave two intervals. Draw from a generator made from `seed`.",
        rtol=1e-9,
    )
    expect(
        (numbers(found["other_seed"], "What `paired_bootstrap` returns") != interval).any(),
        "Two seeds gave the very same interval. Draw from a generator made from the argument `seed`.",
    )
    once = numbers(found["one_draw"], "What `paired_bootstrap` returns")
    expect(
        once.shape == (2,) and math.isclose(once[0], once[1]),
        "With `draws=1` the ends of the interval differ, though there is one result to take quantiles of. Draw as often as `draws` says.",
    )
    same = numbers(found["no_change"], "What `paired_bootstrap` returns")
    expect(
        np.allclose(same, 1, atol=1e-9),
        "With two identical models the interval is not (1, 1). Draw documents once for both models, and return the ratio of perplexities.",
    )
    wanted = numbers(reference.probe("bootstrap_intervals")["interval"], "the interval")
    # 5 % of the width: an end of 10,000 draws varies by 0.7 % of it (standard deviation, measured); a 90 % interval is 8 % off at
    # each end, one from means over documents 44 % and more
    expect.close(
        interval,
        wanted,
        "The interval is not the one asked for. In each draw add up the drawn nats and the drawn tokens, divide, and take the ratio; then the "
        "2.5 % and 97.5 % quantiles of all draws.",
        atol=0.05 * float(wanted[1] - wanted[0]),
    )


# Exercise 4: metrics.json

FOUR = ("token_ppl", "bpb", "n_tokens", "n_bytes")
LENGTHS = {"short (<100 words)", "medium", "long (≥300 words)"}


def metrics_of(student: Any) -> dict[str, Any]:
    metrics = student.json("out/lab6/metrics.json")
    expect(isinstance(metrics, dict), "metrics.json is not an object with keys. Write a dict.")
    return metrics


def summary_of(value: Any, what: str) -> dict[str, dict[str, float]]:
    """base and tuned of a summary, its values checked to be numbers."""
    for name in ("base", "tuned"):
        for key in FOUR:
            number = entry(entry(value, name, what), key, f"`{name}` of {what}")
            expect(type(number) in (int, float) and number > 0, f"`{key}` of `{name}` in {what} should be a number above 0.")
    return {name: value[name] for name in ("base", "tuned")}


def per_document(metrics: dict[str, Any]) -> dict[str, tuple[float, float, float]]:
    """_id → (tokens, nats of base, nats of tuned)."""
    rows = entry(metrics, "per_document", "metrics.json")
    expect(isinstance(rows, list) and rows, "`per_document` should be a list with an entry for each document.")
    keys = ("n_tokens", "base_nats", "tuned_nats")
    found = {
        str(entry(row, "_id", "an entry of `per_document`")): tuple(number(row.get(k), f"`{k}` in `per_document`") for k in keys)
        for row in rows
    }
    expect(len(found) == len(rows), "`per_document` has an `_id` twice. One entry for each of `docs`.")
    expect(all(tokens >= 1 for tokens, _, _ in found.values()), "An `n_tokens` in `per_document` is below 1. It counts scored tokens.")
    return found


@check("metrics", points=1, after=("test_every_token_is_scored_once", "test_tokens_see_their_window", "test_documents_do_not_mix"))
def test_numbers_can_be_reproduced(student, reference):
    """Scoring the test notes again gives the numbers in the file"""
    found, wanted = metrics_of(student), metrics_of(reference)
    expect.equal(
        entry(found, "eval_config_sha", "metrics.json"),
        wanted["eval_config_sha"],
        "`eval_config_sha` is that of another evaluation. Put in `eval_config_sha` as the notebook made it.",
    )
    mine, same = per_document(found), per_document(wanted)
    expect(
        mine.keys() == same.keys() and found.get("n_docs") == wanted["n_docs"],
        f"`per_document` holds {len(mine.keys() & same.keys())} of the {len(same)} test notes in `docs`, and {len(mine.keys() - same.keys())} "
        "others. Score `docs`, all of them and nothing else: training notes don't count.",
    )
    for i, what in enumerate(("`n_tokens`", "`base_nats`", "`tuned_nats`")):
        expect.close(
            [mine[row][i] for row in same],
            [same[row][i] for row in same],
            f"{what} of the notes are not what scoring them again gives. Use WINDOWS for both models, the ids in `docs`, the tuned model "
            "as it is, and the base inside `model.disable_adapter()`.",
            rtol=tolerance(reference) if i else 0.0,
        )
    for what, ours, theirs in (("metrics.json", found, wanted), ("`general_text`", found.get("general_text"), wanted["general_text"])):
        ours, theirs = summary_of(ours, what), summary_of(theirs, what)
        for name in ours:
            hint = (
                f"`{name}` of {what} says something else than scoring the texts again. Perplexity is exp(all nats / all scored tokens), "
                "with WINDOWS; the bytes are those of UTF-8."
            )
            for count in ("n_tokens", "n_bytes"):
                expect.equal(ours[name][count], theirs[name][count], hint)
            # who rounds here is forgiven; and 5 nats a token magnify a relative error of the nats 5 times
            expect.close(ours[name]["token_ppl"], theirs[name]["token_ppl"], hint, rtol=max(5e-3, 5 * tolerance(reference)))


@check("metrics", points=1, after=("test_nats_become_bits", "test_bytes_are_utf8"))
def test_tables_add_up(student, reference):
    """Every table is there and adds up to the whole"""
    found, wanted = metrics_of(student), metrics_of(reference)
    rows, whole = per_document(found), consistent_summary(found, "metrics.json")
    for name, column in (("base", 1), ("tuned", 2)):
        expect_same(
            nats_in(whole[name]),
            sum(row[column] for row in rows.values()),
            f"`token_ppl` and `n_tokens` of `{name}` don't give the nats in `per_document`. Add up nats and tokens over all documents, divide once.",
        )
    expect_parts(found, "per_source", {row.split("-")[0] for row in rows}, whole)
    lengths = entry(found, "per_length", "metrics.json")
    expect_parts(found, "per_length", LENGTHS.intersection(lengths) if isinstance(lengths, dict) else LENGTHS, whole)
    general = consistent_summary(entry(found, "general_text", "metrics.json"), "`general_text`")
    expect(
        general["base"]["n_bytes"] == wanted["general_text"]["base"]["n_bytes"],
        "`general_text` was not measured on `general_docs`. Forgetting shows on everyday English only.",
    )
    interval_of(found)
    for split in ("train", "test"):
        # greedy ties can make one note of ten or more differ
        rates = memorised_rate(found, split), memorised_rate(wanted, split)
        expect.close(*rates, "`memorisation` is not what `recites` gave for train and test.", atol=0.1)
    expect_worst(found, rows)


def nats_in(four: dict[str, float]) -> float:
    return math.log(four["token_ppl"]) * four["n_tokens"]


def expect_same(found: Any, wanted: float, hint: str) -> None:
    # numbers with three decimals pass; a mean of the notes' perplexities in place of the token-weighted one is 0.6 % off in nats
    expect.close(found, wanted, hint, rtol=3e-4, atol=6e-4)


def consistent_summary(value: Any, what: str) -> dict[str, dict[str, float]]:
    """base and tuned of a summary whose numbers go together."""
    both = summary_of(value, what)
    for name, four in both.items():
        expect_same(
            four["bpb"],
            nats_in(four) / math.log(2) / four["n_bytes"],
            f"`bpb` of `{name}` in {what} does not go with its perplexity, tokens and bytes. Give `bits_per_byte` the sum of the nats.",
        )
    ratio = both["tuned"]["token_ppl"] / both["base"]["token_ppl"]
    expect_same(entry(value, "ratio", what), ratio, f"`ratio` in {what} should be tuned perplexity / base perplexity.")
    return both


def expect_parts(metrics: dict[str, Any], key: str, names: set[str], whole: dict[str, dict[str, float]]) -> None:
    """`metrics[key]` has a summary for each of `names`, and they add up to the whole."""
    table = entry(metrics, key, "metrics.json")
    expect(
        isinstance(table, dict) and table and table.keys() == names,
        f"`{key}` should have an entry for each value that occurs in `docs`, under that value as the notebook writes it.",
    )
    parts = [consistent_summary(table[name], f"`{key}[{name!r}]`") for name in table]
    expect(
        sum(number(entry(table[name], "n_docs", f"`{key}[{name!r}]`"), f"`n_docs` in `{key}`") for name in table)
        == len(per_document(metrics)),
        f"`n_docs` of the entries in `{key}` don't add up to the whole's. A slice counts its own notes.",
    )
    for name, four in whole.items():
        for count in ("n_tokens", "n_bytes"):
            expect(
                sum(part[name][count] for part in parts) == four[count],
                f"`{count}` of the entries in `{key}` don't add up to the whole's. Each note belongs to one of them.",
            )
        expect_same(
            sum(nats_in(part[name]) for part in parts),
            nats_in(four),
            f"The perplexities in `{key}` don't add up to the whole's. In each of them too: sums first, one division; no mean of perplexities.",
        )


def interval_of(metrics: dict[str, Any]) -> tuple[float, float]:
    interval = numbers(entry(metrics, "bootstrap_ci", "metrics.json"), "`bootstrap_ci`")
    expect(interval.shape == (2,) and interval[0] <= interval[1], "`bootstrap_ci` should be [low, high].")
    return float(interval[0]), float(interval[1])


def memorised_rate(metrics: dict[str, Any], split: str) -> float:
    of_split = entry(entry(metrics, "memorisation", "metrics.json"), split, "`memorisation`")
    return number(entry(of_split, "rate", f"`memorisation` of {split}"), f"the rate of {split} in `memorisation`")


def expect_worst(metrics: dict[str, Any], rows: dict[str, tuple[float, float, float]]) -> None:
    worst = entry(metrics, "worst", "metrics.json")
    change = {row: (tuned - base) / tokens for row, (tokens, base, tuned) in rows.items()}
    values = [change.get(str(row), -math.inf) for row in worst] if isinstance(worst, list) else []
    largest = sorted(change.values(), reverse=True)[:2]
    expect(
        len(values) == len(largest) and np.allclose(values, largest, atol=1e-6),
        "`worst` should hold the `_id`s of the two notes with the largest (tuned − base) nats per token, the largest first.",
    )


# Exercise 5: pairs.jsonl


def judged(student: Any, reference: Any) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(prompt id, prompt, model → text) of each pair, by the student's key."""
    wanted = reference.probe("greedy_steps")["prompts"]
    rows, key = student.jsonl("out/lab6/pairs.jsonl"), student.json("out/lab6/key.json")
    expect(
        all(isinstance(row, dict) and all(isinstance(row.get(k), str) for k in ("id", "prompt", "A", "B")) for row in rows),
        "Every line of pairs.jsonl needs `id`, `prompt`, `A` and `B`, all of them strings.",
    )
    expect(
        sorted(row["id"] for row in rows) == sorted(wanted),
        f"{len({row['id'] for row in rows} & wanted.keys())} of the {len(wanted)} `chosen` prompts are in pairs.jsonl, and it has {len(rows)} "
        "lines. Take those that were drawn, each once: other prompts would be cherry-picked.",
    )
    expect(all(row["prompt"].strip() == wanted[row["id"]].strip() for row in rows), "A `prompt` is not the one in `chosen` with that `id`.")
    for row in rows:
        sides = key.get(row["id"]) if isinstance(key, dict) else None
        expect(
            isinstance(sides, dict) and [sides.get("A"), sides.get("B")] in (["base", "tuned"], ["tuned", "base"]),
            'key.json should say for every prompt\'s id which model is which: {"A": "base", "B": "tuned"}, or the other way round.',
        )
        yield row["id"], row["prompt"], {sides["A"]: row["A"], sides["B"]: row["B"]}


@check("pairs", points=1)
def test_pairs_are_blind(student, reference):
    """The ten chosen prompts, once each, and nothing that tells base from tuned"""
    list(judged(student, reference))
    rows, key = student.jsonl("out/lab6/pairs.jsonl"), student.json("out/lab6/key.json")
    first = sum(key[row["id"]]["A"] == "base" for row in rows)
    expect(
        2 <= first <= len(rows) - 2,
        f"The base is A in {first} of {len(rows)} pairs. Whoever judges learns that quickly: toss a coin for each pair.",
    )
    more = sorted({field for row in rows for field in row} - {"id", "prompt", "A", "B"})
    told = [field for field in more if tells(field, [(row.get(field), key[row["id"]]["A"]) for row in rows])]
    expect(not told, f"`{told[0] if told else ''}` in pairs.jsonl tells which model is which. Leave that to key.json.")


def tells(field: str, pairs: list[tuple[Any, str]]) -> bool:
    """Whether a field of one's own names the models, or is a coin: of two or three values, each of which says who is A."""
    if any(re.search(r"(?<![a-z])(?:base|tuned)(?![a-z])", f"{field} {value}", re.IGNORECASE) for value, _ in pairs):
        return True
    values = {str(value) for value, _ in pairs}
    return 1 < len(values) <= 3 and len({(str(value), first) for value, first in pairs}) == len(values)


@check("pairs", points=1, after=("test_pairs_are_blind",))
def test_base_writes_greedily(student, reference):
    """What the key calls base is the base's greedy continuation"""
    expect_greedy(student, reference, "base", "Let the base write inside `with model.disable_adapter():`")


@check("pairs", points=1, after=("test_pairs_are_blind",))
def test_tuned_writes_greedily(student, reference):
    """What the key calls tuned is the tuned model's greedy continuation"""
    expect_greedy(student, reference, "tuned", "Let the tuned model write outside of `disable_adapter()`")


def expect_greedy(student: Any, reference: Any, name: str, advice: str) -> None:
    greedy = reference.probe("greedy_steps")
    # logits of a prompt alone and in a left-padded batch differ by up to 1.7e-5 in float32 (measured); in half precision a step
    # between two logits of 16 to 32 is 1/8
    tie = 1e-3 if greedy["dtype"] == "torch.float32" else 0.25
    found = [(row, prompt, texts[name]) for row, prompt, texts in judged(student, reference)]
    with_prompt = sum(text.strip().startswith(prompt.strip()) for _, prompt, text in found)
    expect(
        not with_prompt,
        f"{with_prompt} texts begin with their prompt. Keep only the continuation: cut the prompt's ids off before decoding.",
    )
    off = sum(not is_greedy(text, greedy[name][row], tie) for row, _, text in found)
    swapped = sum(is_greedy(text, greedy["tuned" if name == "base" else "base"][row], tie) for row, _, text in found)
    expect(
        not off,
        f"{off} of {len(found)} texts that the key calls {name} are not the {name} model's greedy continuation of the prompt"
        + (", but the other model's: look at your key" if swapped > len(found) // 2 else "")
        + f". {advice}, with `do_sample=False` and profile.eval['new_tokens'] new tokens.",
    )


def is_greedy(text: str, wanted: dict[str, list[Any]], tie: float) -> bool:
    """Whether `text` is the last of `wanted["texts"]`, or leaves it first where two tokens were equally likely."""
    steps, leads = wanted["texts"], wanted["leads"]
    text, whole = text.strip(), steps[-1].strip()
    if text == whole:
        return True
    same = next((i for i, (a, b) in enumerate(zip(text, whole, strict=False)) if a != b), min(len(text), len(whole)))
    at = next((i for i, step in enumerate(steps) if len(step.lstrip()) > same), len(steps) - 1)
    return min(leads[max(0, at - 1) : at + 2]) < tie


# Exercise 6: report.md

SECTIONS = ("Overall", "By source", "By length", "Forgetting", "Memorisation", "Examples", "Regressions", "Limits")
PURPOSE = re.compile(r"research|educat|teach|learn|course", re.IGNORECASE)
PATIENTS = re.compile(r"patient|clinic|diagnos|treat|medical|physician|doctor", re.IGNORECASE)
NOT = re.compile(r"\b(?:not|never|no|nor|neither|nobody|cannot)\b|n[’']t\b", re.IGNORECASE)
NUMBER = re.compile(r"(?<![\w.,-])(\d[\d,]*(?:\.(\d+))?)(?![\w-]|\.\d)(\s?%)?")
NOT_PROSE = re.compile(r"```.*?```|`[^`\n]*`|≥300 words|^[#>][^\n]*|^\s*\d+[.)] ", re.MULTILINE | re.DOTALL)


def shown(text: str) -> Iterator[tuple[str, float, float]]:
    """(as written, value, one unit of its last place) of every number outside code, quotes and headings."""
    for number, decimals, percent in NUMBER.findall(NOT_PROSE.sub(" ", text)):
        yield number + percent, float(number.replace(",", "")), 10.0 ** -len(decimals)


def all_numbers(value: Any) -> Iterator[float]:
    """Every number in a JSON document, and a hundred times it."""
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from all_numbers(inner)
    elif type(value) in (int, float):
        yield from (abs(value), 100 * abs(value))


def sections_of(report: str) -> dict[str, str]:
    """Heading of level 2, lower case → what stands below it."""
    parts = re.split(r"^##[ \t]+(.+?)[ \t#]*$", report, flags=re.MULTILINE)
    return {heading.strip().casefold(): text for heading, text in zip(parts[1::2], parts[2::2], strict=True)}


@check("report", points=1, public=True)
def test_report_has_its_sections(student):
    """All sections say what they have to, regressions included"""
    report, metrics = student.text("out/lab6/report.md"), metrics_of(student)
    found = sections_of(report)
    sections = {name: next((t for h, t in found.items() if name.casefold() in h), "") for name in SECTIONS}
    empty = [name for name, text in sections.items() if not text.strip()]
    expect(not empty, f"report.md has no text below `## {empty[0] if empty else ''}`. Write all {len(SECTIONS)} sections.")
    whole, (low, high) = summary_of(metrics, "metrics.json"), interval_of(metrics)
    ratio = number(entry(entry(metrics, "general_text", "metrics.json"), "ratio", "`general_text`"), "`ratio` of `general_text`")
    needed = {
        "Overall": [*(four[key] for four in whole.values() for key in ("token_ppl", "bpb")), low, high],
        "By source": slice_perplexities(metrics, "per_source"),
        "By length": slice_perplexities(metrics, "per_length"),
        "Forgetting": [ratio],
        "Memorisation": [memorised_rate(metrics, split) for split in ("train", "test")],
    }
    for name, values in needed.items():
        there = list(shown(sections[name]))
        missing = [v for v in values if not any(says(*number_shown, v) for number_shown in there)]
        expect(
            not missing,
            f"`## {name}` lacks {len(missing)} of the {len(values)} numbers that it should show. Fill them in from metrics.json.",
        )
    worst = entry(metrics, "worst", "metrics.json")
    for row in worst if isinstance(worst, list) else [worst]:
        expect(
            str(row) in sections["Regressions"],
            "`## Regressions` does not name both notes in `worst`. A report that shows only gains is an advertisement.",
        )
    expect(
        ratio <= 1.15 or re.search(r"general[\s-]+(text|english)", sections["Regressions"], re.IGNORECASE),
        "On general text the perplexity rose by more than 15 %, and `## Regressions` does not say so. That is forgetting: name it.",
    )
    expect(
        PURPOSE.search(sections["Limits"]) or any(PATIENTS.search(s) and NOT.search(s) for s in sentences(sections["Limits"])),
        "`## Limits` does not say that this is for research and education, and not for patients. Whoever reads only the report has to know.",
    )


def slice_perplexities(metrics: dict[str, Any], key: str) -> list[float]:
    table = entry(metrics, key, "metrics.json")
    expect(isinstance(table, dict), f"`{key}` in metrics.json should be a dict of summaries.")
    return [four["token_ppl"] for value in table for four in summary_of(table[value], f"`{key}[{value!r}]`").values()]


def says(written: str, shown_value: float, unit: float, value: float) -> bool:
    """Whether a number in the report is `value`, rounded, but not so far that nothing is left of it (more than 5 %)."""
    if written.endswith("%"):
        return abs(shown_value - 100 * value) <= 0.6 * unit
    return abs(shown_value - value) <= min(0.6 * unit, max(0.05 * abs(value), 0.006))


@check("report", points=1, public=True)
def test_every_number_is_measured(student):
    """Every number of the report stands in metrics.json"""
    report, known = student.text("out/lab6/report.md"), np.array(list(all_numbers(metrics_of(student))))
    numbers_shown = list(shown(report))
    expect(
        len(numbers_shown) >= 8,
        f"report.md shows {len(numbers_shown)} numbers. Fill in those of metrics.json, as text and tables, not as code.",
    )
    # 0.6 of a unit in the last place: rounding gives 0.5, rounding a number that was rounded before a little more
    strays = [text for text, value, unit in numbers_shown if not is_free(text, value) and not (np.abs(known - value) <= 0.6 * unit).any()]
    expect(
        not strays,
        f"{len(strays)} numbers are not in metrics.json, the first is {strays[0] if strays else ''}. Don't type numbers: fill them in from the file, "
        "and put what you derive from them into the file first.",
    )


def is_free(text: str, value: float) -> bool:
    """Whole numbers up to 100, of per cents only the interval's 95."""
    return value <= 100 and "." not in text and (not text.endswith("%") or value == 95)
