"""Hidden inputs of Lab 3: what the student's functions are tried on. No expected values here."""

import json
import random
from pathlib import Path

from boxed import probe

# what `clean` must take away, by kind; nothing here is in another rule's way
REFERENCES = {
    "empty square brackets": "The course was as described before [] and elsewhere [, ], also in children [–].",
    "empty round brackets": "Both lesions were excised () under local anaesthesia (, ), see the sections ( and ).",
    "empty figure references": "A cyst (Fig. ) grew (figure ) and later shrank (Figs. , ); the wall (Figures – and ) was thin.",
    "empty table references": "Her enzymes had doubled (Table ), and all titres (Tables , ) were low.",
    "references with panel letters": "The scan (Fig. a) and the smear (Figure B, C) agree; so do both stains (Figs. a–d and f).",
    "a reference at the start of a line": "She was discharged.\n(Fig. ) The film was clear.",
}
SPACES = {
    "no-break and thin spaces": "Weight\u00a061\u2009kg, height\u202f1.70\u2003m.",
    "tabs and runs of spaces": "  Pulse \t 80,   regular.  ",
    "invisible characters": "\ufeffBlood\u200b pressure was nor\u00admal.",
    "line ends and blank lines": "Seen on Monday. \r\n\r\n  Seen again on Friday.\n \n\n\tWell since.\n",
}
POWERS = {
    "× and a space": "Platelets 212 × 109/L and leukocytes 7.4 × 109/L on admission.",
    "two digits in the exponent": "Red cells were 4.1 × 1012/L.",
    "× without spaces": "A count of 18×103/mm3 was found.",
    "x": "Neutrophils fell to 0.4 x 109/L, then rose.",
    "X right after the number": "Platelets of 86X109/L were reported.",
    "a space before the slash": "Lymphocytes: 31 × 104 /mL.",
}
NESTED = {
    "brackets in brackets": "The result was expected ([]) and repeated ([, ()]).",
    "an empty reference in an empty reference": "The margin was free (Fig. ([])) of tumour.",
    "an invisible character in brackets": "It was read twice (\u200b) and [\u00a0] agreed.",
    "all at once": "\u2009 Platelets \u00a0( [ ] ) 9 ×\u2009109/L (Fig. a, \u00a0b) . \r\n \r\n[, ] Well. ",
}
HARMLESS = {
    "units and Greek letters": "38.4 °C, CRP 12 mg/L, creatinine 88 µmol/L, γ-GT ≥ 55 U/L, TNF-α ↑, SpO2 ≤ 90%, ±2 SD.",
    "superscripts and fractions": "BMI 31 kg/m², BSA 1.73 m², ½ tablet, 10⁶ copies, 25 cm³.",
    "accents": "A naïve señora with Sjögren’s, Ménière’s and Löffler’s.",
    "signs in brackets": "Murphy (+), Babinski (−), Gram stain (++), anti-HCV (-), pupils (–), ketones (±).",
    "brackets with content": "Sodium (mmol/L) fell (n = 3); (a) first, (b) second (see below) [sic] (P < 0.05) (1, 2).",
    "numbers that look like powers": "Pulse 104/min, BP 109/70 mmHg, rate max 104/min, index 102/h, 7.2 x 1000/mm3, 2 x 108 mg.",
    "a number without its zero": "A dose of .5 mg was given, then .25 mg.",
    "capitals and words": "HIV, CT, pH 7.31, Figure skating, tablet, the table and a fig.",
}
PARAGRAPHS = "First visit: cough.\nSecond visit: fever, 39.1 °C.\nThird visit: well."


def _notes(count):
    lines = Path("data/open_patients_sample.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["description"] for line in lines[:count]]


def _each(clean, texts):
    return {kind: str(clean(text)) for kind, text in texts.items()}


@probe
def clean_references(clean):
    return _each(clean, REFERENCES)


@probe
def clean_spaces(clean):
    return _each(clean, SPACES)


@probe
def clean_powers(clean):
    return _each(clean, POWERS)


@probe
def clean_harmless(clean):
    return {"paragraphs": str(clean(PARAGRAPHS)), "kinds": _each(clean, HARMLESS)}


@probe
def clean_notes(clean):
    notes = _notes(80)
    return {"before": notes, "after": [str(clean(note)) for note in notes]}


@probe
def clean_repeated(clean):
    texts = {**NESTED, **REFERENCES, **SPACES, **POWERS, **{f"note {i}": note for i, note in enumerate(_notes(80), 1)}}
    once = _each(clean, texts)
    return {"given": {kind: texts[kind] for kind in NESTED}, "once": once, "twice": _each(clean, once)}


# rows made of random words: two notes share no five words unless one was made from the other

WORDS = [
    "fever",
    "cough",
    "rash",
    "pain",
    "oedema",
    "syncope",
    "weight",
    "loss",
    "night",
    "sweats",
    "liver",
    "spleen",
    "kidney",
    "heart",
    "lung",
    "brain",
    "skin",
    "bone",
    "marrow",
    "biopsy",
    "culture",
    "serum",
    "urine",
    "plasma",
    "scan",
    "film",
    "smear",
    "stain",
    "graft",
    "stent",
    "valve",
    "tumour",
    "cyst",
    "ulcer",
    "abscess",
    "fracture",
    "infarct",
    "steroid",
    "heparin",
    "insulin",
    "aspirin",
    "statin",
    "antibiotic",
    "dialysis",
    "surgery",
    "radiotherapy",
    "transfusion",
    "biopsied",
    "admitted",
    "treated",
    "left",
    "right",
    "upper",
    "lower",
    "acute",
    "chronic",
    "mild",
    "severe",
    "stable",
    "rapid",
    "slow",
    "early",
    "late",
    "daily",
    "weekly",
    "months",
    "hours",
]


def _note(rng, words):
    return " ".join(f"{rng.choice(WORDS)} {rng.randrange(1000)}" if rng.random() < 0.3 else rng.choice(WORDS) for _ in range(words))


def _groups(groups):
    """Rows of groups of texts, mixed; and which ids belong together."""
    rng = random.Random(5)
    ids = rng.sample(range(1000, 9999), sum(map(len, groups)))
    rows, together = [], []
    for group in groups:
        together.append([f"pmc-{ids.pop()}-1" for _ in group])
        rows += [{"_id": row_id, "description": text} for row_id, text in zip(together[-1], group)]
    rng.shuffle(rows)
    return rows, together


def _kept(deduplicate, groups):
    rows, together = _groups(groups)
    given = {row["_id"]: row["description"] for row in rows}
    kept = [(str(row["_id"]), str(row["description"])) for row in deduplicate(rows)]
    return {"groups": together, "kept": [row_id for row_id, _ in kept], "changed": [i for i, text in kept if given.get(i) != text]}


@probe
def dedup_exact(deduplicate):
    rng = random.Random(1)
    notes = [_note(rng, 40) for _ in range(12)]
    return _kept(
        deduplicate,
        [
            [notes[0], notes[0]],
            [notes[1], notes[1].upper(), notes[1].title()],
            [notes[2], notes[2].replace(" ", "\n", 7), "  " + notes[2].replace(" ", "\u00a0  ", 3)],
            [notes[3] + " of 5 µg", notes[3] + " of 5 μg"],  # micro sign, Greek mu
            [notes[4] + " ﬁnal", notes[4] + " final"],
            ["Lost to follow-up.", "lost  to\nfollow-up."],
            ["Died at home."],
            ["Well at home."],
            ["Well."],
            *[[note] for note in notes[5:]],
        ],
    )


@probe
def dedup_near(deduplicate):
    rng = random.Random(2)
    notes = [_note(rng, 180).split() for _ in range(12)]
    changed = [*notes[0][:90], "pancreatitis", *notes[0][91:]]
    other_words = notes[5][:]
    rng.shuffle(other_words)

    def with_changes(words, count):
        """`count` of 180 words changed, far from each other: five shingles of 176 go with each."""
        every = len(words) // (count + 1)
        return ["instead" if i % every == 0 and 0 < i // every <= count else word for i, word in enumerate(words)]

    groups = [
        [notes[0], changed],
        [notes[1], [*notes[1], "She", "was", "well", "since."]],
        [notes[2], ["We", "present", "the", "following", "case:", *notes[2]]],
        [notes[3], notes[3][:100] + notes[3][101:]],
        [notes[4], [*notes[4][:60], "again", *notes[4][60:]], [*notes[4][:120], "still", *notes[4][120:]]],
        # 0.89 and 0.71: on their side of 0.8 also as 128 MinHash values see them
        [notes[8][:180], with_changes(notes[8][:180], 2)],
        [notes[9][:180]],
        [with_changes(notes[9][:180], 6)],
        [notes[10][:180]],
        [notes[10][:120]],  # all of it is in the other, and it is 0.66 of the two: another note
        [notes[5]],
        [other_words],  # the same words in another order: another note
        [notes[6]],
        [[*notes[6][:90], *notes[7][90:]]],  # one half in common: another note
        [notes[11]],
    ]
    return _kept(deduplicate, [[" ".join(words) for words in group] for group in groups])


def _articles():
    """Rows of 67 articles with 1–4 patients, and 90 rows that are alone; no copies."""
    rng = random.Random(3)
    ids = [f"pmc-{article}-{n}" for article in rng.sample(range(10**6, 8 * 10**6), 67) for n in range(1, rng.randint(1, 4) + 1)]
    ids += [f"usmle-{n}" for n in rng.sample(range(12_893), 50)]
    ids += [f"trec-cds-2014-{n}" for n in range(1, 21)] + [f"trec-ct-2021-{n}" for n in range(1, 21)]
    return [{"_id": row_id, "description": _note(rng, 120)} for row_id in ids]


def _copied():
    """The same with 30 copies, exact and near, under the ids of other articles; and the pairs of ids."""
    rng = random.Random(4)
    rows = _articles()
    pairs = []
    for i, row in enumerate(rng.sample(rows, 30)):
        copy = f"pmc-{8_000_000 + rng.randrange(10**6)}-1"
        text = row["description"].upper() if i % 2 else row["description"] + " Discharged home."
        rows.append({"_id": copy, "description": text})
        pairs.append([row["_id"], copy])
    rng.shuffle(rows)
    return rows, pairs


def _ids(parts):
    if hasattr(parts, "keys"):
        parts = [parts[name] for name in parts]
    return [[str(row["_id"]) for row in part] for part in parts]


@probe
def split_articles(split_rows):
    rows = _articles()
    return {"given": [row["_id"] for row in rows], "splits": _ids(split_rows(rows, 17))}


@probe
def split_repeated(deduplicate, split_rows):
    """Rows with copies once; rows without in two orders, as which copy stays is `deduplicate`'s to answer for."""
    rows, pairs = _copied()
    articles = _articles()
    other_order = _articles()
    random.Random(6).shuffle(other_order)
    return {
        "pairs": pairs,
        "deduplicated": [str(row["_id"]) for row in deduplicate([dict(row) for row in rows])],
        "with_copies": _ids(split_rows([dict(row) for row in rows], 21)),
        "seed": _ids(split_rows([dict(row) for row in articles], 21)),
        "other_order": _ids(split_rows(other_order, 21)),
        "other_seeds": [_ids(split_rows([dict(row) for row in articles], seed)) for seed in (22, 23)],
    }


def _long_note():
    return _note(random.Random(7), 7000)


@probe
def tokenize_texts(tokenize_docs):
    short = [
        "A 9-year-old girl.\nShe had 38.4 °C and γ-GT of 130 U/L.",
        "Haemoglobin 9.6 g/dL; platelets 106 × 10^9/L (reference 150–400).",
        "Well.",
        "  Two spaces in front, one behind ",
        'NAÏVE T cells, IL-6 < 2 pg/mL, "quoted" text; e.g. 1,234.5',
    ]
    found = tokenize_docs([*short, _long_note()])["input_ids"]
    return [[int(token) for token in ids] for ids in found]


@probe
def tokenize_repeated(tokenize_docs):
    """A text that is there twice, and an empty one."""
    return [[int(token) for token in ids] for ids in tokenize_docs(["Well.", "", "No pain.", "Well."])["input_ids"]]


@probe
def document_tokens(documents, tokenizer):
    return [len(tokenizer(text, truncation=False)["input_ids"]) for text in documents]


def _packed(pack, ids, block):
    """What is there of ids and labels: one that is missing is a mistake of its own."""
    found = pack([list(document) for document in ids], block)
    packed = {}
    for name in ("input_ids", "labels"):
        try:
            packed[name] = [[int(token) for token in row] for row in found[name]]
        except KeyError:
            continue
    return packed


@probe
def pack_documents(pack):
    rng = random.Random(8)
    token = iter(range(10, 10_000))
    ids = [[next(token) for _ in range(rng.randint(1, 45))] + [2] for _ in range(40)]
    return {"given": ids, "block": 19, **_packed(pack, ids, 19)}


@probe
def pack_one_document(pack):
    return _packed(pack, [list(range(10, 42))], 8)


@probe
def pack_edges(pack):
    return {
        "one long document": _packed(pack, [list(range(10, 42))], 8),
        "less than one block": _packed(pack, [[11, 12, 2], [13, 2]], 8),
        "exactly two blocks": _packed(pack, [[11, 12, 2], [13, 14, 15, 2], [16, 17, 2]], 5),
    }


@probe
def collate_batch(collate, tokenizer):
    eos = tokenizer.eos_token_id
    documents = [[31, 32, eos], [41, 42, 43, 44, 45, 46, eos], [eos], [51, eos, 52, 53, eos]]
    found = collate([{"input_ids": list(ids)} for ids in documents])
    return {"given": documents, "pad": tokenizer.pad_token_id, **{name: found[name] for name in ("input_ids", "attention_mask", "labels")}}
