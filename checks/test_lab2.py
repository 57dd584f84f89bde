"""Lab 2, inference: log-probabilities, greedy decoding, sampling knobs, batches, generations that can be made again. 12 points."""

from typing import Any

import numpy as np

from grader import check, expect

# Exercise 1: next_token_logprobs


def logits_tolerance(profile: dict[str, Any]) -> float:
    """How far two right ways to the same log-probability can be apart.

    In float32 a whole forward pass, a cached one token by token, a padded one and `generate(output_logits=True)` differ by up to 2e-5
    on tiny and 4e-5 on SmolLM2-135M (measured); a neighbouring position, by more than 1. Half formats and 4-bit weights: the
    course's starting value, not measured.
    """
    return 1e-3 if profile["dtype"] == "float32" else 5e-2


def log_sum_exp(values: np.ndarray) -> float:
    return float(np.logaddexp.reduce(values.astype(np.float64).ravel()))


def logprobs(student: Any) -> list[np.ndarray]:
    """What came back for each hidden text, as 1-D float arrays."""
    found = student.probe("logprobs")
    expect(isinstance(found, list) and found, "The hidden inputs did not come back as they were sent.")
    arrays = [np.asarray(each) if isinstance(each, (list, np.ndarray)) else None for each in found]
    for array in arrays:
        expect(array is not None and array.dtype.kind == "f", "`next_token_logprobs` does not return a float tensor.")
    return arrays


@check("next_token_logprobs", points=1, public=True)
def test_probabilities_add_up_to_one(student):
    """The exponentials of the log-probabilities add up to 1, in one float32 tensor"""
    for found in logprobs(student):
        expect(
            found.ndim == 1,
            f"`next_token_logprobs` returns shape {found.shape}; expected one axis, the vocabulary. Take one text, one position.",
        )
        total = log_sum_exp(found)
        # log_softmax in float32 is off by up to 6e-7 over 4,096 tokens and 7e-6 over 49,152 (measured); log2 is off by more than 1
        expect(
            abs(total) <= 1e-3,
            f"The log of the sum of your probabilities is {total:.2g}; expected 0. Turn logits into natural log-probabilities over the whole "
            "vocabulary (`log_softmax` over the last axis, of float32 logits).",
        )
        expect(found.dtype == np.float32, f"`next_token_logprobs` returns {found.dtype} numbers; expected float32. Call `.float()`.")


@check("next_token_logprobs", points=1)
def test_the_last_token_speaks(student, reference, profile):
    """They are about the token right after the text"""
    for found, wanted in zip(logprobs(student), reference.probe("logprobs"), strict=True):
        with np.errstate(invalid="ignore"):
            # an axis too many and a missing normalisation are another check's
            normalised = (found.reshape(wanted.shape) if found.size == wanted.size else found).astype(wanted.dtype)
            normalised = normalised - log_sum_exp(normalised)
        expect.close(
            normalised,
            wanted,
            "The log-probabilities of a hidden text are not the model's for the token right after it. Read the row of the last real token "
            "(position -1 of the text alone), and encode the text as it is.",
            atol=logits_tolerance(profile),
        )


# Exercise 2: greedy


def expect_ids(found: Any, wanted: list[int], what: str, hint: str) -> None:
    """`found` is `wanted`; says at which token they part."""
    expect(isinstance(found, list), f"{what}: no list of ids came back.")
    same = next((i for i, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b), min(len(found), len(wanted)))
    place = f"{len(found)} ids, expected {len(wanted)}" if same == len(found) or same == len(wanted) else f"token {same + 1} differs"
    expect(found == wanted, f"{what}: {place}. {hint}")


@check("greedy", points=1)
def test_greedy_takes_the_likeliest(student, reference):
    """`greedy(prompt, 1)` is the most likely token, and nothing else"""
    for found, wanted in zip(student.probe("greedy_first"), reference.probe("greedy_first"), strict=True):
        expect_ids(
            found,
            wanted,
            "With n=1",
            "Return new ids only, not the prompt's, exactly n of them, and take the largest logit of the last position. Encode the prompt as it is.",
        )


@check("greedy", points=1)
def test_greedy_goes_on_from_its_ids(student, reference):
    """Many tokens: each follows from the prompt and all ids chosen before"""
    for found, wanted in zip(student.probe("greedy_spelled"), reference.probe("greedy_spelled"), strict=True):
        expect_ids(
            found,
            wanted,
            "Where the model spells a word letter by letter",
            "Append the id itself to the ids so far. Through text (`decode`, then the tokenizer again) letters melt into other tokens.",
        )
    for found, wanted in zip(student.probe("greedy_long"), reference.probe("greedy_long"), strict=True):
        expect_ids(
            found,
            wanted,
            "With n=20",
            "The model must see the whole prompt and all new ids at each step (itself or through `past_key_values`).",
        )


@check("greedy", points=1)
def test_greedy_stops(student, reference):
    """It ends with EOS when that comes, and after n tokens anyway"""
    wanted = reference.probe("greedy_ended")
    found = student.probe("greedy_ended")
    for kind, ids in wanted.items():
        expect_ids(
            found.get(kind) if isinstance(found, dict) else None,
            ids,
            kind,
            "Stop when `tokenizer.eos_token_id` was appended (it is part of the result), or when there are n ids.",
        )


# Exercise 3: filter_logits


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values.astype(np.float64) - values.max())
    return powers / powers.sum()


def filtered(student: Any, reference: Any, probe: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """(found, wanted) probabilities after filtering, for each hidden case."""
    found, wanted = student.probe(probe), reference.probe(probe)
    pairs = []
    for each, right in zip(found, wanted, strict=True):
        values = each.get("found") if isinstance(each, dict) else None
        values = np.asarray(values) if isinstance(values, (list, np.ndarray)) else None
        expect(values is not None and values.dtype.kind == "f", "`filter_logits` does not return a float tensor.")
        expect(
            values.shape == right["found"].shape,
            f"`filter_logits` returns shape {values.shape} for logits of shape {right['found'].shape}. Keep every token's place; removed ones get -inf.",
        )
        expect(not np.isnan(values).any() and not np.isposinf(values).any(), "`filter_logits` returns NaN or +inf. Mind temperature 0.")
        zero = " Temperature 0 needs a case of its own: nothing can be divided by it." if probe == "filter_temperature_zero" else ""
        expect(np.isfinite(values).any(), f"`filter_logits` removed every token. At least the most likely one stays.{zero}")
        pairs.append((softmax(values), softmax(right["found"])))
    return pairs


def expect_kept(found: np.ndarray, wanted: np.ndarray, knob: str, too_few: str, too_many: str) -> None:
    """The same tokens are left, with the same probabilities."""
    kept, right = found > 0, wanted > 0
    expect(kept.sum() >= right.sum(), f"{knob} kept too few tokens. {too_few}")
    expect(kept.sum() <= right.sum(), f"{knob} kept too many tokens. {too_many}")
    expect(
        (kept == right).all(),
        f"{knob} kept the right number of tokens, but other ones. Keep the most likely, each in its own place (undo the sorting).",
    )
    # 1e-5: float32 softmax over 1,000 tokens, by torch and by transformers' warpers, is within 3e-7 of this
    expect.close(
        found,
        wanted,
        f"{knob} changed the proportions of the tokens it kept. Leave kept logits as they are (after the temperature).",
        atol=1e-5,
    )


@check("filter_logits", points=1)
def test_temperature_sharpens(student, reference):
    """Temperature divides the logits; 0 keeps the largest only"""
    for found, wanted in filtered(student, reference, "filter_temperature"):
        expect.close(
            found,
            wanted,
            "With top_k=0 and top_p=1.0 the probabilities are not softmax(logits / temperature). These two settings keep all tokens.",
            atol=1e-5,  # as in expect_kept
        )
    for found, wanted in filtered(student, reference, "filter_temperature_zero"):
        expect((found > 0).sum() == 1, "At temperature 0 more than one token is left, or none. Keep the largest logit only.")
        expect(found.argmax() == wanted.argmax(), "At temperature 0 another token than the most likely one is left.")


@check("filter_logits", points=0.5)
def test_top_k_keeps_k(student, reference):
    """top_k keeps the k largest logits; 0 and a large k keep all"""
    for found, wanted in filtered(student, reference, "filter_top_k"):
        expect_kept(
            found,
            wanted,
            "top_k",
            "It keeps exactly k tokens; 0, or more than there are, keeps all.",
            "Compare with the k-th largest logit.",
        )


@check("filter_logits", points=1)
def test_top_p_keeps_the_crossing_token(student, reference):
    """top_p keeps the most likely tokens until their sum reaches p, wherever they stand"""
    for found, wanted in filtered(student, reference, "filter_top_p"):
        expect_kept(
            found,
            wanted,
            "top_p",
            "The token whose probability brings the sum to p belongs to them: remove a token only if the sum *before* it reaches p.",
            "Stop as soon as the sum reaches p.",
        )


@check("filter_logits", points=0.5, after=("test_temperature_sharpens", "test_top_k_keeps_k", "test_top_p_keeps_the_crossing_token"))
def test_knobs_turn_in_order(student, reference):
    """First temperature, then top_k, then top_p on what is left, in a new tensor"""
    for found, wanted in filtered(student, reference, "filter_together"):
        order = "The order is temperature, top_k, top_p; each works on what the one before left, and top_p on probabilities that add up to 1 again."
        expect_kept(found, wanted, "Two knobs together", order, order)
    expect(
        all(each.get("is_new") for each in student.probe("filter_together")),
        "`filter_logits` changed the logits that it was given. Return a new tensor: no `/=`, and no assignment into `logits`.",
    )


# Exercise 4: generate_batch


@check("generate_batch", points=1)
def test_a_batch_is_its_prompts(student, reference):
    """Every prompt gets the tokens it gets alone, whatever stands beside it"""
    found, wanted = student.probe("batch_prompts"), reference.probe("batch_prompts")
    for kind, called in [
        ("alone", "one prompt alone"),
        ("together", "prompts of different lengths"),
        ("reordered", "the same prompts in another order"),
    ]:
        rows = found.get(kind) if isinstance(found, dict) else None
        expect(
            isinstance(rows, list) and len(rows) == len(wanted[kind]),
            f"With {called}, `generate_batch` does not return one list of ids a prompt, as often as the prompt is there.",
        )
        for row, *right in zip(rows, *(wanted[each] for each in ("alone", "together", "reordered")), strict=True):
            # in float32 the three are equal; in half formats padding may tip a near tie, also in the reference
            hint = "Pad on the left, pass the `attention_mask`, don't sample, and leave the prompt out of the result."
            expect_ids(
                row, next((ids for ids in right if ids == row), right[0]), f"With {called}, a prompt's ids are not those of `greedy`", hint
            )


@check("generate_batch", points=0.5)
def test_rows_end_at_eos(student, reference):
    """A prompt that ends early is cut after its first EOS"""
    found, wanted = student.probe("batch_ended"), reference.probe("batch_ended")
    expect(isinstance(found, list) and len(found) == len(wanted), "`generate_batch` does not return one list of ids a prompt.")
    for row, right in zip(found, wanted, strict=True):
        expect_ids(
            row,
            right,
            "In a batch where one prompt ends at once, one early and one not",
            "Keep each row's first EOS, and cut what comes after it: that is padding.",
        )


@check("generate_batch", points=0.5, public=True)
def test_prompts_go_together(student):
    """All prompts share their forward passes"""
    found = student.probe("batch_passes")
    # twice NEW_TOKENS: a way of one's own may look at the prompts once more; one after the other takes five times as many
    expect(
        isinstance(found, int) and 0 < found <= 2 * 16,
        f"Five prompts took {found} forward passes, more than one for each new token. Give the model all prompts in one padded batch.",
    )


# Exercise 5: generations.jsonl


@check("generations", points=1)
def test_rows_carry_their_recipe(student, reference):
    """`generations.jsonl` has prompt, params, seed and text, for each prompt with each recipe"""
    rows = student.jsonl("out/lab2/generations.jsonl")
    kinds = {"prompt": str, "params": dict, "seed": int, "text": str}
    for number, row in enumerate(rows, 1):
        expect(isinstance(row, dict), f"Line {number} is not a JSON object.")
        for key, kind in kinds.items():
            is_there = isinstance(row.get(key), kind) and not isinstance(row.get(key), bool)
            expect(is_there, f"Line {number} has no `{key}` ({kind.__name__}). Without it nobody can make this text again.")
    expect(
        not rows or not all(row["text"].startswith(row["prompt"]) for row in rows),
        "Every `text` begins with its prompt. Keep the continuation only: cut the prompt's ids off.",
    )
    for wanted in reference.jsonl("out/lab2/generations.jsonl"):
        has = any(row["prompt"] == wanted["prompt"] and wanted["params"].items() <= row["params"].items() for row in rows)
        expect(
            has,
            f"{len(rows)} lines, but not every one of `PROMPTS` with every one of `RECIPES`. Write all pairs, `params` as it stands there.",
        )
    expect(any(row["text"].strip() for row in rows), "Every `text` is empty.")


@check("generations", points=1, public=True)
def test_recipes_reproduce(student):
    """`sample` gives the same text for the same recipe, and obeys it"""
    rows, again = student.jsonl("out/lab2/generations.jsonl"), student.probe("rows_again")
    rows = [row for row in rows if isinstance(row, dict)]
    expect(rows and isinstance(again, list), "There is no line to reproduce.")
    # a row without its recipe has lost the point above
    differing = sum(row.get("text") != text for row, text in zip(rows, again, strict=False) if text is not None)
    expect(
        differing == 0,
        f"{differing} of {len(again)} lines came out differently when sampled again in another order. Seed torch with `seed` inside `sample`, right before sampling.",
    )
    found = student.probe("sampled")
    expect(
        found["seeds"] == found["seeds_again"],
        "`sample` gave another text for the same prompt, params and seed. Seed torch inside `sample`.",
    )
    # four draws of 8 tokens at temperature 1.5: that they agree by chance is out of the question
    expect(
        len(set(found["seeds"])) > 1,
        "`sample` gave the same text for every seed. Use the seed that it is given, and sample (`do_sample=True`).",
    )
    for key, knob in (("top_k_1", "top_k=1"), ("top_p_small", "a tiny top_p")):
        expect(
            len(set(found[key])) == 1, f"With {knob} only one token is left to choose, yet texts differ. Pass `params` on to the sampling."
        )
    ended = student.probe("sampled_ended")
    expect(ended["eos"] not in ended["found"], "A special token is part of `sample`'s text. Decode with `skip_special_tokens=True`.")
    # a prompt in front is another check's
    expect(
        ended["found"].strip().endswith(ended["wanted"].strip()),
        "Where EOS comes early, `sample` does not end with the text before it. Stop at `tokenizer.eos_token_id`.",
    )
    short, long = student.probe("sampled_lengths")
    expect(short < long, "A larger `max_new_tokens` gave no longer text. Pass all of `params` on.")
