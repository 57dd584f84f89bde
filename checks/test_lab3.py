"""Lab 3, data: cleaning, copies, splits, tokens, blocks, padding. 20 points."""

import re
from collections import Counter
from itertools import chain
from typing import Any

import numpy as np

from grader import check, expect

# Exercise 1: clean

SAME = str.maketrans({"μ": "µ", "℃": "°C", "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-"})
"""Spellings that may be unified or left: micro sign and mu, the one-character °C, kinds of dashes."""


def content(text: Any) -> str:
    """`text` without its whitespace, spellings unified."""
    return re.sub(r"\s", "", str(text)).translate(SAME)


def plain(text: Any) -> str:
    """`text` with its blanks as single spaces, spellings unified: where a space is or is not, matters."""
    return " ".join(str(text).split()).translate(SAME)


def by_kind(found: Any, wanted: dict[str, str]) -> list[tuple[str, str, str]]:
    """(kind, found, wanted) of a probe that gave one text per kind of input."""
    found = found if isinstance(found, dict) else {}
    return [(kind, str(found.get(kind)), text) for kind, text in wanted.items()]


@check("clean", points=1)
def test_clean_removes_marks(student, reference):
    """Empty references and odd spaces are gone"""
    for kind, found, wanted in by_kind(student.probe("clean_references"), reference.probe("clean_references")):
        expect(
            content(found) == content(wanted),
            f"A text with {kind} did not come back with just those taken out. Compare your pattern with rule 4, case by case.",
        )
        expect(
            not re.search(r"  | [.,;]|^ | $", found, re.MULTILINE),
            f"A text with {kind} has a stray space where one was. Take the space before the brackets away with them.",
        )
    for kind, found, wanted in by_kind(student.probe("clean_spaces"), reference.probe("clean_spaces")):
        # whether paragraphs stay apart is another check's
        expect(
            re.sub(r"\n", " ", found) == re.sub(r"\n", " ", wanted),
            f"A text with {kind} is not as rules 1 to 3 want it. Print `repr(clean(text))` of such a text and look at every blank.",
        )


@check("clean", points=1)
def test_clean_restores_powers(student, reference):
    """`× 109/L` becomes `× 10^9/L`"""
    for kind, found, wanted in by_kind(student.probe("clean_powers"), reference.probe("clean_powers")):
        powers = [re.findall(r"10\^\d+/\w+", content(text)) for text in (found, wanted)]
        expect(
            powers[0] == powers[1],
            f"A flattened power ({kind}) was not restored as rule 5 says. Its exponent is what stands between 10 and the slash.",
        )


@check("clean", points=1)
def test_clean_harms_nothing(student, reference):
    """Units, symbols, signs, digits and paragraphs survive"""
    found, wanted = student.probe("clean_harmless"), reference.probe("clean_harmless")
    found = found if isinstance(found, dict) else {}
    for kind, text, same in by_kind(found.get("kinds"), wanted["kinds"]):
        expect(
            plain(text) == plain(same),
            f"A text with {kind}, and nothing to clean, was changed. Let your rules touch only what they name.",
        )
    lines = [len(str(text).strip().splitlines()) for text in (found.get("paragraphs"), wanted["paragraphs"])]
    expect(
        lines[0] == lines[1],
        f"A note of {lines[1]} paragraphs has {lines[0]} after cleaning. `\\s` also matches `\\n`: clean the spaces within a line.",
    )
    notes = student.probe("clean_notes")
    lost = [i for i, (a, b) in enumerate(zip(notes["before"], notes["after"], strict=True)) if re.sub(r"\D", "", a) != re.sub(r"\D", "", b)]
    expect(
        not lost,
        f"In {len(lost)} of {len(notes['before'])} notes of the data set digits went, came or moved. A lost digit can be a dose: "
        "brackets that hold one are not empty.",
    )


@check("clean", points=1)
def test_clean_twice_is_clean_once(student):
    """Cleaning a clean text changes nothing"""
    texts = student.probe("clean_repeated")
    for kind, given in texts["given"].items():
        expect(
            texts["once"][kind] != given,
            f"A text with {kind} came back as it went in. Write the rules so that they find dirt within dirt too, the inner first; then see that "
            "one round of `clean` is enough.",
        )
    again = [kind for kind, once in texts["once"].items() if texts["twice"][kind] != once]
    expect(
        not again,
        f"`clean(clean(text))` differs from `clean(text)` for {len(again)} texts, the first with {(again or ['-'])[0]}. Taking "
        "something away can make new dirt: repeat a rule until it finds nothing, and mind the order of your rules.",
    )


# Exercises 2 and 3: deduplicate, split_rows


def expect_one_each(found: Any, asked: dict[str, Any], *, left: str, gone: str) -> None:
    """One row of every group of copies, and every note without a copy, is among `found["kept"]`."""
    kept = Counter(map(str, found.get("kept", ()))) if isinstance(found, dict) else Counter()
    copies = [sum(kept[row_id] for row_id in group) for group in asked["groups"] if len(group) > 1]
    single = [kept[group[0]] for group in asked["groups"] if len(group) == 1]
    expect(
        all(n < 2 for n in copies), f"{sum(n > 1 for n in copies)} of {len(copies)} groups of copies have more than one row left. {left}"
    )
    expect(all(n == 1 for n in single), f"{sum(n != 1 for n in single)} of {len(single)} notes without a copy are not there once. {gone}")
    expect(all(n > 0 for n in copies), "All rows of a group of copies went. Keep the one with the smallest `_id`.")


def expect_the_smallest_as_it_was(found: dict[str, Any], asked: dict[str, Any]) -> None:
    """What stays of each group is the row with the smallest `_id`, unchanged."""
    kept = set(map(str, found["kept"]))
    others = sum(min(group) not in kept for group in asked["groups"])
    expect(
        others == 0,
        f"Of {others} groups of copies a row stays that has not the smallest `_id`, so the result depends on the order of the rows. Sort by `_id` "
        "before you look for copies.",
    )
    expect(
        not found["changed"],
        f"{len(found['changed'])} rows came back with another text. Compare normalised texts, and return the rows as they were.",
    )


@check("deduplicate", points=1)
def test_exact_copies_are_dropped(student, reference):
    """Of exact copies one row stays: the one with the smallest `_id`, as it was"""
    found, asked = student.probe("dedup_exact"), reference.probe("dedup_exact")
    expect_one_each(
        found,
        asked,
        left="Compare texts after NFKC, `casefold()` and with each run of whitespace as one space; short notes have exact copies too.",
        gone="Two notes without any shingle are not alike for that: below five words only the exact text counts.",
    )
    expect_the_smallest_as_it_was(found, asked)


@check("deduplicate", points=1)
def test_near_copies_are_dropped(student, reference):
    """Of near copies one row stays"""
    expect_one_each(
        student.probe("dedup_near"),
        reference.probe("dedup_near"),
        left="One or two words changed, a sentence before or after: compare the sets of five-word shingles, and drop from 0.8 on.",
        gone="Notes with half of their text, or just their words, in common are different notes, and so is a note and its beginning: compare "
        "five-word shingles, by what two sets share of all that is in either.",
    )


def splits(value: Any) -> list[list[str]]:
    """Ids in train, val and test."""
    is_three = isinstance(value, list) and len(value) == 3 and all(isinstance(part, list) for part in value)
    expect(is_three, "`split_rows` has to return three lists of rows: train, val, test.")
    return [[str(row_id) for row_id in part] for part in value]


def article(row_id: str) -> str:
    """Only `pmc-<article>-<patient>` ids have siblings."""
    return row_id.rsplit("-", 1)[0] if row_id.startswith("pmc-") else row_id


def articles_in_two(parts: list[list[str]]) -> list[str]:
    """Articles with rows in more than one of `parts`."""
    where: dict[str, set[int]] = {}
    for i, part in enumerate(parts):
        for row_id in part:
            where.setdefault(article(row_id), set()).add(i)
    return sorted(name for name, found in where.items() if len(found) > 1)


@check("split_rows", points=1)
def test_articles_stay_whole(student):
    """Patients of one article are in one split, and other rows are on their own"""
    found = student.probe("split_articles")
    parts = splits(found["splits"])
    expect(
        Counter(chain(*parts)) == Counter(found["given"]),
        "Of rows without copies, not every row came back exactly once. Put each row into one of the three lists.",
    )
    torn = articles_in_two(parts)
    expect(
        not torn,
        f"{len(torn)} articles have patients in two splits. Deal out articles, not rows: `pmc-7671985-1` and `pmc-7671985-2` go together.",
    )
    torn = articles_in_two([[row_id for row_id, _ in part] for part in datasets(student)])
    expect(not torn, f"{len(torn)} articles have patients in two of your datasets. Make the datasets from what `split_rows` returns.")
    # 50 usmle rows on their own all fall into one split with a chance of 0.8**50, about 1 in 70,000; 20 trec topics in
    # one, 1 in 90, so those are not looked at
    together = [i for i, part in enumerate(parts) if sum(row_id.startswith("usmle-") for row_id in part) == 50]
    expect(not together, "All `usmle` rows are in one split. Cut the last number off `pmc` ids only: the others are articles of their own.")


@check("split_rows", points=1)
def test_copies_go_before_the_split(student):
    """Copies are dropped before the split, which the order of the rows does not change"""
    found = student.probe("split_repeated")
    first, other_order = splits(found["seed"]), splits(found["other_order"])
    everything, deduplicated = set(chain(*splits(found["with_copies"]))), set(map(str, found["deduplicated"]))
    pairs = [tuple(pair) for pair in found["pairs"]]
    both = [pair for pair in pairs if everything.issuperset(pair) and not deduplicated.issuperset(pair)]
    expect(
        not both,
        f"{len(both)} of {len(pairs)} copies that your `deduplicate` drops are in the splits, next to what they copy. Call "
        "`deduplicate(rows)` on all rows first, then split what it returns.",
    )
    expect(
        list(map(set, first)) == list(map(set, other_order)),
        "The same rows in another order, with the same seed, were split differently. Sort before you shuffle, and take chance "
        "only from a generator that you seed with `seed`.",
    )
    expect(
        any(list(map(set, first)) != list(map(set, splits(other))) for other in found["other_seeds"]),
        "Three seeds gave one and the same split. Let `seed` decide which articles go where.",
    )
    there, kept = len(list(chain(*datasets(student)))), len(rows(student.variable("kept"), "kept"))
    # a `split_rows` with another way to find copies than `deduplicate` may judge a pair near 0.8 differently
    expect(
        abs(there - kept) <= max(2, 0.01 * kept),
        f"Your datasets hold {there} rows, and `deduplicate` leaves {kept}. Make the datasets from what `split_rows` returns.",
    )


@check("split_rows", points=1, public=True)
def test_datasets_hold_the_cleaned_rows(student):
    """`train_ds`, `val_ds` and `test_ds` hold the cleaned rows, 80, 10 and 10 %"""
    parts = datasets(student)
    together = list(chain(*parts))
    known = set(rows(student.variable("cleaned"), "cleaned"))
    expect(
        known.issuperset(together), "The datasets hold rows that are not in `cleaned`. Split the cleaned rows, and leave them as they are."
    )
    expect(len(set(together)) == len(together), "A row is in the datasets twice. Each row belongs to one of them, once.")
    # ±4 points: dealing articles out by rows is off by at most 1.8 points (2,000 seeds, 238 embedded rows), cutting a shuffled list of
    # articles by its length by more than 4 once in 2,000; both by 0.2 on 426 real rows. 70/15/15 is off by 10.
    largest = max(Counter(article(row_id) for row_id, _ in together).values(), default=0)
    allowed = max(4.0, 100 * largest / max(1, len(together)))
    for name, part, wanted in zip(("train_ds", "val_ds", "test_ds"), parts, (80, 10, 10), strict=True):
        share = 100 * len(part) / max(1, len(together))
        expect(
            abs(share - wanted) <= allowed,
            f"`{name}` has {share:.1f} % of the rows; expected {wanted} ± {allowed:.0f}. Articles have different sizes: count rows as you "
            "deal them out.",
        )


def datasets(student: Any) -> list[list[tuple[str, str]]]:
    """Rows of train, val and test."""
    return [rows(student.variable(name), name) for name in ("train_ds", "val_ds", "test_ds")]


def rows(value: Any, name: str) -> list[tuple[str, str]]:
    """(_id, description) of a dataset or of a list of rows."""
    if isinstance(value, dict):
        ids, texts = value.get("_id"), value.get("description")
        value = (
            [{"_id": i, "description": t} for i, t in zip(ids, texts, strict=False)]
            if isinstance(ids, list) and isinstance(texts, list)
            else None
        )
    is_rows = isinstance(value, list) and all(isinstance(row, dict) and {"_id", "description"} <= row.keys() for row in value)
    expect(is_rows, f"`{name}` has no rows with `_id` and `description`. Keep both fields.")
    return [(str(row["_id"]), str(row["description"])) for row in value]


# Exercise 4: tokenize_docs


def token_lists(value: Any, what: str) -> list[list[int]]:
    """Lists of token ids, whatever held them."""
    value = value.tolist() if isinstance(value, np.ndarray) else value
    lists = [ids.tolist() if isinstance(ids, np.ndarray) else ids for ids in value] if isinstance(value, list) else None
    is_lists = lists is not None and all(isinstance(ids, list) and all(type(i) is int for i in ids) for ids in lists)
    expect(is_lists, f"{what} is not a list of lists of token ids (whole numbers).")
    return lists


def column(value: Any, key: str, what: str) -> list[list[int]]:
    """`value[key]` as lists of token ids."""
    expect(isinstance(value, dict) and key in value, f"{what} has no `{key}`. Return a mapping with that key.")
    return token_lists(value[key], f"`{key}` of {what}")


def hidden_texts(student: Any, reference: Any) -> tuple[list[list[int]], list[list[int]], set[int]]:
    """The student's and the reference's ids of the hidden texts (the last one is long), and the special ids."""
    wanted = reference.probe("tokenize_texts")
    found = token_lists(student.probe("tokenize_texts"), "`tokenize_docs(texts)['input_ids']`")
    expect(len(found) == len(wanted), f"{len(wanted)} texts gave {len(found)} lists of ids. Return one list a text; blocks come later.")
    special = {i for i in reference.variable("tokenizer")["special"].values() if i is not None}
    return found, wanted, special


@check("tokenize_docs", points=1)
def test_ids_are_the_tokenizers(student, reference):
    """The ids are the tokenizer's, of the text as it is"""
    found, wanted, special = hidden_texts(student, reference)
    for ids, same in zip(found[:-1], wanted[:-1], strict=True):
        expect(
            [i for i in ids if i not in special] == [i for i in same if i not in special],
            f"A text of {len(same)} tokens gave other ids than `tokenizer(text)`. Don't change the text: no lower-casing, "
            "stripping, splitting or joining, and no space before the end token.",
        )
    found, wanted = student.probe("tokenize_repeated"), reference.probe("tokenize_repeated")
    expect(
        len(found) == len(wanted),
        f"{len(wanted)} texts, an empty one and a repeated one among them, gave {len(found)} lists of ids. Return one list for each text.",
    )


@check("tokenize_docs", points=1)
def test_documents_end(student, reference):
    """Every document ends in EOS"""
    found, wanted, _ = hidden_texts(student, reference)
    eos = wanted[0][-1]
    ending = sum(ids[-1:] == [eos] for ids in found)
    expect(
        ending == len(found),
        f"{ending} of {len(found)} documents end in `tokenizer.eos_token_id`. Without it the model never learns where a note ends: append it.",
    )


@check("tokenize_docs", points=1)
def test_no_special_token_is_twice(student, reference):
    """No special token is there twice, and none that the tokenizer does not add"""
    found, wanted, special = hidden_texts(student, reference)
    for ids, same in zip(found, wanted, strict=True):
        specials, expected = [[i for i in each if i in special] for each in (ids, same)]
        expect(
            specials in (expected, expected[:-1]),  # a missing EOS is another check's
            f"A document holds {len(specials)} special tokens; expected {len(expected)}. Add nothing but one EOS at the end: no BOS of "
            "your own, no second EOS, no padding.",
        )


@check("tokenize_docs", points=1)
def test_nothing_is_cut(student, reference):
    """Long documents keep all their tokens"""
    found, wanted, _ = hidden_texts(student, reference)
    expect_whole(len(found[-1]), len(wanted[-1]), "a very long text")
    lengths = student.probe("document_tokens")
    tokenized = column(student.variable("tokenized"), "input_ids", "`tokenized`")
    expect(
        len(tokenized) == len(lengths),
        f"`tokenized` holds {len(tokenized)} documents, and the training set {len(lengths)}. One list of ids a document, in order.",
    )
    expect_whole(sum(map(len, tokenized)), sum(lengths), "the training documents")


def expect_whole(found: int, wanted: int, what: str) -> None:
    # 98 %: a missing EOS costs the shortest notes (about 60 tokens) 1.7 %; cutting at 1,024 tokens costs real notes a fifth
    share = found / max(1, wanted)
    expect(share >= 0.98, f"Of {what}, {share:.1%} of the tokens are left. Don't truncate: packing takes documents of any length.")


# Exercise 5: pack


@check("pack", points=1)
def test_rows_fill_their_block(student):
    """Every row has exactly `block` tokens"""
    for found, block in ((student.probe("pack_documents"), "block"), (student.variable("packed"), None)):
        lengths = Counter(map(len, column(found, "input_ids", "what `pack` returns")))
        expect(lengths, "There is no row at all. Cut the line of all documents into blocks.")
        wanted = found[block] if block else max(lengths, key=lengths.get)
        expect(
            set(lengths) == {wanted},
            f"Rows of {', '.join(map(str, sorted(lengths)[:4]))} tokens; expected only {wanted}. Take the length from `block`, and leave "
            "out what no longer fills a row.",
        )


@check("pack", points=1, after=("test_rows_fill_their_block",))
def test_packing_loses_no_token(student):
    """The rows, one after the other, are the documents, one after the other"""
    found = student.probe("pack_documents")
    expect_conserved(found["given"], column(found, "input_ids", "what `pack` returns"), found["block"], "the hidden documents")
    tokenized = column(student.variable("tokenized"), "input_ids", "`tokenized`")
    packed = column(student.variable("packed"), "input_ids", "`packed`")
    expect_conserved(tokenized, packed, len(packed[0]), "`tokenized`")


def expect_conserved(documents: list[list[int]], packed: list[list[int]], block: int, what: str) -> None:
    line, given = list(chain(*packed)), list(chain(*documents))
    missing = len(given) - len(line)
    expect(
        0 <= missing < block,
        f"Of the {len(given)} tokens of {what} the rows hold {len(line)}. Only a tail shorter than a block ({block}) may be left out, and "
        "nothing be added: join all documents first, then cut.",
    )
    expect(
        line == given[: len(line)], f"The rows hold other tokens than {what}, or in another order. Keep every token (EOS too) where it is."
    )


@check("pack", points=1)
def test_labels_are_the_ids(student):
    """`labels` are the same ids, not shifted"""
    for found in (student.probe("pack_documents"), student.probe("pack_one_document")):
        ids, labels = column(found, "input_ids", "what `pack` returns"), column(found, "labels", "what `pack` returns")
        shifted = bool(ids) and labels != ids and [row[:-1] for row in labels] == [row[1:] for row in ids]
        expect(not shifted, "`labels` are the ids moved by one. The model moves them itself; moved twice, it learns to skip a word.")
        expect(labels == ids, "`labels` differ from `input_ids`. In a full block every token is a target: make them equal.")


@check("pack", points=1, after=("test_rows_fill_their_block", "test_packing_loses_no_token"))
def test_packing_at_the_edges(student, reference):
    """Full to the last token, longer than a block, shorter than a block"""
    found, wanted = student.probe("pack_edges"), reference.probe("pack_edges")
    for kind, same in wanted.items():
        ids = column(found.get(kind), "input_ids", "what `pack` returns")
        expect(
            ids == same["input_ids"],
            f"{kind.capitalize()}: expected {len(same['input_ids'])} rows, found {len(ids)}. A last block that is just full counts, and "
            "documents that fill none give no row.",
        )


# Exercise 6: collate


def batch(student: Any) -> tuple[list[list[int]], int, dict[str, Any]]:
    """The documents given, the tokenizer's pad id, and the three things that the student's `collate` made of them."""
    found = student.probe("collate_batch")
    return found["given"], found["pad"], {name: found.get(name) for name in ("input_ids", "attention_mask", "labels")}


@check("collate", points=1)
def test_padding_is_on_the_right(student):
    """Ids and mask: documents on the left, padding on the right"""
    documents, pad, found = batch(student)
    shape = (len(documents), max(map(len, documents)))
    for name, tensor in found.items():
        expect(isinstance(tensor, np.ndarray), f"`{name}` is not a tensor. Return torch tensors, as `model(**batch)` takes them.")
        expect(tensor.shape == shape, f"`{name}` has shape {tensor.shape}; expected {shape}: documents × the longest of this batch.")
        # in float or int32 the model's loss stops with an error, so the text asks for one type
        expect(tensor.dtype == np.int64, f"`{name}` is {tensor.dtype}; expected torch.int64. Pass `dtype=torch.int64`, or call `.long()`.")
    for ids, mask, document in zip(found["input_ids"].tolist(), found["attention_mask"].tolist(), documents, strict=True):
        expect(
            ids[: len(document)] == document,
            f"A document of {len(document)} tokens does not stand at the start of its row. Pad on the right.",
        )
        expect(
            [int(m) for m in mask] == [1] * len(document) + [0] * (len(mask) - len(document)),
            f"A document of {len(document)} tokens has {sum(map(int, mask))} ones in its mask. The mask is 1 on every real token, EOS too: "
            "make it from the lengths, not from the ids.",
        )
        expect(
            set(ids[len(document) :]) <= {pad},
            "`input_ids` are padded with another id than `tokenizer.pad_token_id`. Ask the tokenizer; -100 is for labels only.",
        )


@check("collate", points=1)
def test_labels_hide_the_padding_only(student):
    """Labels are -100 on the padding, and only there"""
    _, _, found = batch(student)
    # the padding's place and the shape are another check's: here the student's own mask says what is padding
    if isinstance(found["attention_mask"], np.ndarray) and found["attention_mask"].dtype.kind == "b":
        found["attention_mask"] = found["attention_mask"].astype(int)
    ids, mask, labels = (token_lists(found[name], f"`{name}`") for name in ("input_ids", "attention_mask", "labels"))
    sizes = [[len(row) for row in each] for each in (ids, mask, labels)]
    expect(sizes[0] == sizes[1] == sizes[2], "`input_ids`, `attention_mask` and `labels` differ in shape. Give them one.")
    each = list(zip(chain(*ids), chain(*mask), chain(*labels), strict=True))
    expect(
        all(label == -100 for _, is_real, label in each if not is_real),
        "Padding has labels other than -100, so the model is trained to write padding. Set labels to -100 where the mask is 0.",
    )
    shifted = any(len(row) > 2 and row[:2] == other[1:3] and row[:2] != other[:2] for row, other in zip(labels, ids, strict=True))
    expect(not shifted, "`labels` are the ids moved by one. The model moves them itself: leave labels where their ids are.")
    hidden = sum(label == -100 for _, is_real, label in each if is_real)
    expect(
        hidden == 0, f"{hidden} real tokens have the label -100. Padding and EOS may share an id: find padding by the mask, not by the id."
    )
    expect(all(label == i for i, is_real, label in each if is_real), "Labels of real tokens differ from the ids. Make them equal.")


# Exercise 7: stats.json


def number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else float("nan")


@check("stats", points=1, public=True)
def test_stats_describe_the_data(student):
    """`stats.json` says what is in the data"""
    stats = student.json("out/lab3/stats.json")
    parts = {name: stats.get(name) if isinstance(stats, dict) else None for name in ("documents", "sources", "tokens")}
    for name, part in parts.items():
        expect(isinstance(part, dict), f"stats.json has no `{name}`. Write the three groups that the exercise shows.")
    ids = {name: [row_id for row_id, _ in rows(student.variable(f"{name}_ds"), f"{name}_ds")] for name in ("train", "val", "test")}
    for name, found in ids.items():
        expect.equal(
            parts["documents"].get(name),
            len(found),
            f"`documents.{name}` is not the number of rows in `{name}_ds`. Compute it, don't type it.",
        )
    sources = {name: n for name, n in parts["sources"].items() if n != 0}
    wanted = Counter(row_id.split("-")[0] for row_id in ids["train"])
    expect(sources == wanted, "`sources` does not count the rows of `train_ds` by the part of `_id` before its first `-`.")
    lengths = sorted(map(len, column(student.variable("tokenized"), "input_ids", "`tokenized`")))
    expect(lengths, "`tokenized` holds no document.")
    tokens = {name: number(value) for name, value in parts["tokens"].items()}
    words = sum(len(text.split()) for _, text in rows(student.variable("train_ds"), "train_ds"))
    found = tokens.get("total", float("nan"))
    expect(
        found == sum(lengths),
        f"`tokens.total` is {found:g}, the lengths of `tokenized` add up to {sum(lengths)}."
        + (
            " That is the number of words: count tokens." if abs(found - words) <= 0.01 * words else " Add up the lengths of all documents."
        ),
    )
    expect(tokens.get("max") == lengths[-1], "`tokens.max` is not the length of the longest document in `tokenized`.")
    for q in (5, 50, 95):
        # ways to compute a quantile differ by how they go between neighbours, some by one neighbour more; 1 token for rounding
        at = q / 100 * (len(lengths) - 1)
        low, high = lengths[max(0, int(at) - 1)] - 1, lengths[min(len(lengths) - 1, int(at) + 2)] + 1
        expect(
            low <= tokens.get(f"p{q}", float("nan")) <= high,
            f"`tokens.p{q}` is not the {q} % quantile of the documents' lengths in tokens. `np.quantile(lengths, {q / 100})` gives it.",
        )
