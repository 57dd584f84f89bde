"""`labs/data/prepare_open_patients.py`: what it keeps, drops, parts and packs, and how it answers bad input."""

import importlib.util
import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from grader.source import load_lab

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "labs" / "data" / "prepare_open_patients.py"
SAMPLE = ROOT / "labs" / "data" / "open_patients_sample.jsonl"
REAL = ROOT.parent / "shared" / "data"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prepare_open_patients", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


prepare = load_script()


def reference(exercise: str) -> Any:
    """A function of Lab 3's reference notebook."""
    namespace: dict[str, Any] = {}
    exec("import re, random, unicodedata\nfrom collections import Counter, defaultdict", namespace)
    for cell in load_lab(3).cells:
        if cell.exercise and cell.exercise.id == exercise:
            exec(cell.solved, namespace)
    return namespace[exercise]


def rows_of(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def write_rows(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def run(out: Path, *options: str, source: Path = SAMPLE) -> dict[str, Any]:
    arguments = ["--source", str(source), "--out", str(out), "--num-proc", "1", "--profile", "tiny", *options]
    stats: dict[str, Any] = prepare.prepare(prepare.parse(arguments))
    return stats


def words(count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    return [f"word{rng.randrange(3000)}" for _ in range(count)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The embedded sample, prepared as the command line does it without options."""
    out = tmp_path_factory.mktemp("prepared")
    return out, run(out)


def test_cleaning_is_that_of_lab_3() -> None:
    clean = reference("clean")
    texts = [row["description"] for row in rows_of(SAMPLE)]
    pieces = [
        "[]",
        "( and )",
        "(Fig. )",
        "(+)",
        "([, ])",
        "(Tables – a)",
        "× 109/L",
        "max 104/min",
        "X 1012 /L",
        "\u00a0",
        "\u200b",
        "\r\n",
        " . ",
    ]
    rng = random.Random(0)
    texts += ["".join(rng.choice([*pieces, "word", " ", "\n", "(", "[", ")", "]"]) for _ in range(12)) for _ in range(3000)]
    assert [text for text in texts if prepare.clean(text) != clean(text)] == []


def test_lab_3_and_the_script_keep_the_same_rows_of_the_sample(prepared: tuple[Path, dict[str, Any]]) -> None:
    out, _ = prepared
    clean, deduplicate = reference("clean"), reference("deduplicate")
    cleaned = [{**row, "description": clean(row["description"])} for row in rows_of(SAMPLE)]
    kept = [row for name in ("train", "val", "test") for row in rows_of(out / f"{name}.jsonl")]
    assert sorted(kept, key=lambda row: row["_id"]) == sorted(deduplicate(cleaned), key=lambda row: row["_id"])


def test_real_rows_are_cleaned_as_in_lab_3() -> None:
    files = sorted(REAL.glob("*.jsonl"))
    if not files:
        pytest.skip("the real rows in ../shared/data are not here")
    clean = reference("clean")
    texts = [row["description"] for file in files for row in rows_of(file)]
    assert [text for text in texts if prepare.clean(text) != clean(text)] == []


def test_of_copies_the_smallest_id_stays(tmp_path: Path) -> None:
    note = words(200, 1)
    rows = [
        {"_id": "pmc-5-1", "description": " ".join(note)},
        {"_id": "pmc-4-1", "description": "\n".join(note).upper()},
        {"_id": "pmc-3-1", "description": " ".join([*note, "She", "was", "well."])},
        {"_id": "pmc-6-1", "description": " ".join([*note[:80], "another", *note[81:]])},
        {"_id": "pmc-1-1", "description": " ".join([*note[:100], *words(100, 2)])},
        {"_id": "pmc-2-1", "description": "[] ()"},
        {"_id": "pmc-7-1", "description": "Well."},
        {"_id": "pmc-8-1", "description": "Unwell."},
    ]
    stats = run(tmp_path / "out", "--until", "split", source=write_rows(tmp_path / "rows.jsonl", rows))
    kept = {row["_id"] for name in ("train", "val", "test") for row in rows_of(tmp_path / "out" / f"{name}.jsonl")}
    assert kept == {"pmc-1-1", "pmc-3-1", "pmc-7-1", "pmc-8-1"}
    assert stats["dropped"] == {"empty": 1, "exact copies": 1, "near copies": 2}


def test_every_pair_above_the_threshold_is_a_candidate() -> None:
    documents, pairs = [], []
    for seed in range(200):
        note = words(150, seed)
        changed = [f"other{i}" if i % 34 == 0 else word for i, word in enumerate(note)]  # Jaccard index about 0.75
        pairs.append((len(documents), len(documents) + 1))
        documents += [note, changed if seed % 2 else [*note, "and", "more"]]
    found = set(prepare.candidates(prepare.sketches(documents), 0.7))
    above = [pair for pair in pairs if prepare.jaccard(*(" ".join(documents[i]) for i in pair)) >= 0.7]
    assert len(above) == len(pairs)
    assert set(above) <= found
    assert len(found) < len(pairs) + 5


def test_a_sketch_does_not_depend_on_its_neighbours() -> None:
    documents = [words(count, count) for count in (50, 3, 4, 5, 0, 60, 7)]
    together = prepare.sketches(documents)
    alone = np.concatenate([prepare.sketches([document]) for document in documents])
    assert np.array_equal(together, alone)


def test_siblings_never_part_and_shares_are_met() -> None:
    rng = random.Random(3)
    ids = [f"pmc-{article}-{n}" for article in range(700) for n in range(1, rng.randint(1, 5))] + [f"usmle-{n}" for n in range(300)]
    parts = prepare.split(ids, range(len(ids)), fractions={"train": 0.8, "val": 0.1, "test": 0.1}, seed=1)
    where = {prepare.article(ids[row]): set() for row in range(len(ids))}
    for name, rows in parts.items():
        for row in rows:
            where[prepare.article(ids[row])].add(name)
    assert all(len(names) == 1 for names in where.values())
    assert sorted(row for rows in parts.values() for row in rows) == list(range(len(ids)))
    assert [round(len(rows) / len(ids), 2) for rows in parts.values()] == [0.8, 0.1, 0.1]
    assert all(any(ids[row].startswith("usmle") for row in rows) for rows in parts.values())


def test_the_order_of_the_rows_changes_nothing_and_the_seed_does(tmp_path: Path) -> None:
    rows = rows_of(SAMPLE)
    other = write_rows(tmp_path / "rows.jsonl", random.Random(1).sample(rows, len(rows)))

    def test_ids(name: str, *options: str, source: Path) -> set[str]:
        run(tmp_path / name, "--until", "split", *options, source=source)
        return {row["_id"] for row in rows_of(tmp_path / name / "test.jsonl")}

    first = test_ids("a", source=SAMPLE)
    assert test_ids("b", source=other) == first
    assert test_ids("c", "--seed", "1", source=SAMPLE) != first


def test_no_token_is_lost_between_batches(prepared: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import pyarrow.parquet as pq
    from transformers import AutoTokenizer

    monkeypatch.setattr(prepare, "BATCH", 7)
    stats = run(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(ROOT / "labs" / "models" / "tiny")
    for name in ("train", "val"):
        texts = [row["description"] for row in rows_of(tmp_path / f"{name}.jsonl")]
        line = [token for ids in tokenizer(texts)["input_ids"] for token in [*ids, tokenizer.eos_token_id]]
        table = pq.read_table(tmp_path / f"{name}_blocks.parquet")
        blocks = table["input_ids"].to_pylist()
        assert {len(row) for row in blocks} == {128}
        assert len(line) - 128 < 128 * len(blocks) <= len(line)
        assert [token for row in blocks for token in row] == line[: 128 * len(blocks)]
        assert table["labels"].to_pylist() == blocks
        assert stats["blocks"][name] == len(blocks) == prepared[1]["blocks"][name]


def test_the_sample_gives_what_lab_3_leaves(prepared: tuple[Path, dict[str, Any]]) -> None:
    out, stats = prepared
    lab = {Path(name).name for name in load_lab(3).leaves}
    assert {path.name for path in out.iterdir()} == lab | {"lengths.png"}
    written = json.loads((out / "stats.json").read_text())
    assert written == json.loads(json.dumps(stats))
    train = rows_of(out / "train.jsonl")
    assert written["documents"]["train"] == len(train)
    assert written["sources"] == Counter(row["_id"].split("-")[0] for row in train)


def test_parquet_and_two_processes_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets import Dataset

    Dataset.from_list(rows_of(SAMPLE)).to_parquet(tmp_path / "rows.parquet")
    run(tmp_path / "a", "--until", "split")
    monkeypatch.setattr(prepare, "BATCH", 50)
    run(tmp_path / "b", "--until", "split", "--num-proc", "2", source=tmp_path / "rows.parquet")
    for name in ("train", "val", "test"):
        assert rows_of(tmp_path / "a" / f"{name}.jsonl") == rows_of(tmp_path / "b" / f"{name}.jsonl")


def test_a_limit_takes_the_first_rows(tmp_path: Path) -> None:
    stats = run(tmp_path, "--until", "split", "--limit", "30")
    assert stats["rows"] == 30


def test_help_names_every_option_and_shows_examples() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=True, cwd="/")
    for option in (
        "--source",
        "--out",
        "--limit",
        "--until",
        "--fractions",
        "--threshold",
        "--tokenizer",
        "--block-size",
        "--seed",
        "--num-proc",
    ):
        assert option in done.stdout
    assert "ncbi/Open-Patients" in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--source", "nowhere.jsonl"], "existing .jsonl"),
        (["--threshold", "80"], "above 0, at most 1"),
        (["--fractions", "0", "50", "50"], "three shares"),
        (["--limit", "0"], "whole number above 0"),
        (["--num-proc", "two"], "whole number above 0"),
    ],
)
def test_bad_options_get_a_sentence(options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(tmp_path, *options)
    assert said in f"{stopped.value} {capsys.readouterr().err}"


def test_rows_without_the_fields_get_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no column _id and description; found id, text"):
        run(tmp_path / "out", source=write_rows(tmp_path / "rows.jsonl", [{"id": "1", "text": "x"}]))
