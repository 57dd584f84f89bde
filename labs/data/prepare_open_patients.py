"""Lab 3 at full size: patient notes in; cleaned, deduplicated, split, tokenized and packed training data out.

The texts live in Arrow files on disk and pass through memory a batch at a time. What stays in memory is a few hundred
bytes a note: its id, a hash and a MinHash sketch. Nothing is trained here, and the input is never changed.
"""

import argparse
import hashlib
import json
import os
import random
import re
import sys
import tempfile
import time
import unicodedata
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

LABS = Path(__file__).resolve().parent.parent
SAMPLE = LABS / "data" / "open_patients_sample.jsonl"
BATCH = 1000  # notes in memory at once, per process

SHINGLE = 5  # words
SKETCH = 64  # MinHash values a note; the share that two notes have in common estimates their Jaccard index to ±0.05
BANDS = 16  # of 4 values: two notes meet in one with probability 0.9998 at a Jaccard index of 0.8, with 0.002 at 0.1
DOUBT = 0.2  # four standard errors: pairs estimated to lie no further below the threshold are compared word by word


# Cleaning: the rules of Lab 3, Exercise 1

_INVISIBLE = re.compile("[\u200b\ufeff\u00ad]")
_ODD_SPACE = re.compile(r"[^\S\n ]|  ")
_SPACES = re.compile(r"[^\S\n]+")
_BRACKETS = re.compile(r" ?(?:\[([^][()]*)\]|\(([^][()]*)\))")
_MARKS = re.compile(r"[\s,;–—−-]*")
_LIST = re.compile(r"(?:[\s,;]|\band\b)*", re.IGNORECASE)
_FIGURE = re.compile(r"\b(?:fig(?:ure)?s?|tables?)\b", re.IGNORECASE)
_PANELS = re.compile(r"(?:[\s,;–—−-]|\band\b|\b[a-z]\b|\b(?:fig(?:ure)?s?|tables?)\b\.?)*", re.IGNORECASE)
_POWER = re.compile(r"10([1-9]\d?)(?= ?/ ?[^\W\d_])")
_TIMES = re.compile(r"(?:×|(?<![^\W\d_])[xX]) ?$")


def clean(text: str) -> str:
    """`text` without the marks that cutting notes out of articles left; Lab 3 says which."""
    text = _INVISIBLE.sub("", text)
    if _ODD_SPACE.search(text):
        text = _SPACES.sub(" ", text)
    while (shorter := _BRACKETS.sub(_unless_empty, text)) != text:
        text = shorter
    text = _POWER.sub(_with_caret, text)
    if "  " in text:
        text = _SPACES.sub(" ", text)
    return "\n".join(filter(None, map(str.strip, text.split("\n"))))


def _unless_empty(brackets: re.Match[str]) -> str:
    square, inside = brackets[1], brackets[1] or brackets[2] or ""
    if square is not None:
        is_empty = _MARKS.fullmatch(inside)
    elif _FIGURE.search(inside):
        is_empty = _PANELS.fullmatch(inside)
    else:
        is_empty = _LIST.fullmatch(inside)
    return "" if is_empty else brackets[0]


def _with_caret(power: re.Match[str]) -> str:
    before = power.string[max(0, power.start() - 3) : power.start()]
    return f"10^{power[1]}" if _TIMES.search(before) else power[0]


# Copies: exact ones by hash, near ones by MinHash and locality-sensitive hashing, then word by word


def words_of(text: str) -> list[str]:
    """Lower-case words, as Lab 3 compares them."""
    return re.findall(r"\w+", text.casefold())


def fingerprint(text: str) -> bytes:
    """The same 8 bytes for texts that agree after NFKC, casefold and with every run of whitespace as one space."""
    same = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return hashlib.blake2b(same.encode(), digest_size=8).digest()


class _WordHashes(dict[str, int]):
    """Word → hash, the same in every process (Python's own `hash` of a string is not)."""

    def __missing__(self, word: str) -> int:
        if len(self) > 500_000:
            self.clear()
        self[word] = value = zlib.crc32(word.encode())
        return value


_hashes = _WordHashes()


def sketches(documents: Sequence[list[str]]) -> np.ndarray:
    """MinHash over five-word shingles: (documents, SKETCH) uint32; a row of the largest value where there is no shingle."""
    lengths = np.fromiter(map(len, documents), np.int64, len(documents))
    hashes = np.fromiter(map(_hashes.__getitem__, chain.from_iterable(documents)), np.uint64, int(lengths.sum()))
    found = np.full((len(documents), SKETCH), np.iinfo(np.uint32).max, np.uint32)
    has_shingles = lengths >= SHINGLE
    if not has_shingles.any():
        return found
    odd = np.random.default_rng(7).integers(0, 2**63, SHINGLE + 2 * SKETCH, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    shingles = np.zeros(len(hashes) - SHINGLE + 1, np.uint64)
    for i in range(SHINGLE):
        shingles += hashes[i : i + len(shingles)] * odd[i]
    shingles ^= shingles >> np.uint64(29)
    shingles *= odd[0]
    shingles ^= shingles >> np.uint64(32)
    # the shingles that begin in the last four words of a document reach into the next one: leave them out
    ends = np.cumsum(lengths)
    inside = np.ones(len(hashes), bool)
    for i in range(1, SHINGLE):
        inside[(ends - i)[lengths >= i]] = False
    shingles = shingles[inside[: len(shingles)]]
    counts = lengths[has_shingles] - SHINGLE + 1
    starts = np.cumsum(counts) - counts
    for k in range(SKETCH):
        permuted = shingles * odd[SHINGLE + 2 * k] + odd[SHINGLE + 2 * k + 1]
        found[has_shingles, k] = np.minimum.reduceat(permuted, starts) >> np.uint64(32)
    return found


def candidates(sketch: np.ndarray, threshold: float) -> list[tuple[int, int]]:
    """Pairs of rows that may be near copies: they agree in a whole band, and in enough of the sketch."""
    rows = np.flatnonzero((sketch != np.iinfo(np.uint32).max).any(axis=1))
    pairs: set[tuple[int, int]] = set()
    for band in np.split(sketch[rows], BANDS, axis=1):
        keys = np.ascontiguousarray(band).view(f"V{band.itemsize * band.shape[1]}").ravel()
        _, keys = np.unique(keys, return_inverse=True)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        # neighbours at growing distance, so that a crowd of alike notes costs 20 comparisons each and not all pairs
        for distance in range(1, 20):
            equal = np.flatnonzero(keys[distance:] == keys[:-distance])
            if not len(equal):
                break
            left, right = rows[order[equal]], rows[order[equal + distance]]
            likely = (sketch[left] == sketch[right]).mean(axis=1) >= threshold - DOUBT
            pairs.update(zip(left[likely].tolist(), right[likely].tolist(), strict=True))
    return sorted(pairs)


def jaccard(left: str, right: str) -> float:
    """The Jaccard index of two texts' sets of shingles."""
    a, b = (set(zip(*(words[i:] for i in range(SHINGLE)), strict=False)) for words in (words_of(left), words_of(right)))
    return len(a & b) / len(a | b) if a and b else 0.0


def without_copies(dataset: Any, threshold: float) -> tuple[list[int], Counter[str]]:
    """Rows to keep (of each group of copies the smallest `_id`), and how many were dropped for what."""
    ids = dataset["_id"][:]
    order = sorted(range(len(ids)), key=ids.__getitem__)
    dropped: Counter[str] = Counter()
    seen: set[bytes] = set()
    kept: list[int] = []
    exact = dataset["fingerprint"][:]
    empty = fingerprint("")
    for row in order:
        if exact[row] == empty:
            dropped["empty"] += 1
        elif exact[row] in seen:
            dropped["exact copies"] += 1
        else:
            seen.add(exact[row])
            kept.append(row)
    table = dataset.data.column("sketch")
    sketch = np.concatenate([np.frombuffer(b"".join(chunk.to_pylist()), np.uint32).reshape(-1, SKETCH) for chunk in table.chunks])
    near: defaultdict[int, list[int]] = defaultdict(list)
    for a, b in candidates(sketch[kept], threshold):
        if jaccard(*(dataset[kept[i]]["description"] for i in (a, b))) >= threshold:
            near[max(a, b)].append(min(a, b))
    gone: set[int] = set()
    for later in sorted(near):
        if any(earlier not in gone for earlier in near[later]):
            gone.add(later)
    dropped["near copies"] = len(gone)
    return [row for i, row in enumerate(kept) if i not in gone], dropped


# Splits


def article(row_id: str) -> str:
    """What must stay together: `pmc-7671985-2` → `pmc-7671985`; every other id stands for itself."""
    return row_id.rsplit("-", 1)[0] if row_id.startswith("pmc-") else row_id


def split(ids: Sequence[str], rows: Sequence[int], *, fractions: dict[str, float], seed: int) -> dict[str, list[int]]:
    """Rows by split. Articles are shuffled and dealt out whole; the first split takes what the others leave."""
    articles: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        articles[article(ids[row])].append(row)
    names = sorted(articles)
    random.Random(seed).shuffle(names)
    first, *others = fractions
    parts: dict[str, list[int]] = {name: [] for name in fractions}
    for name in names:
        part = next((s for s in others if len(parts[s]) + 0.5 < fractions[s] * len(rows)), first)
        parts[part] += articles[name]
    return {name: sorted(part) for name, part in parts.items()}


# Tokens and blocks


def write_blocks(tokenized: Any, path: Path, block: int) -> int:
    """All documents one after the other, cut into rows of `block` tokens, into a Parquet file. Returns the number of rows.

    What a batch leaves over goes to the front of the next one, so that only the very last tokens are lost.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.list_(pa.int32())) for name in ("input_ids", "labels")])
    rest, rows = np.empty(0, np.int32), 0
    with pq.ParquetWriter(path, schema) as writer:
        for batch in tokenized.with_format("arrow").iter(batch_size=BATCH):
            line = np.concatenate([rest, batch["input_ids"].combine_chunks().flatten().to_numpy().astype(np.int32)])
            count = len(line) // block
            full, rest = line[: count * block], line[count * block :]
            offsets = np.arange(0, len(full) + 1, block, dtype=np.int32)
            column = pa.ListArray.from_arrays(pa.array(offsets), pa.array(full))
            writer.write_table(pa.table([column, column], schema=schema))
            rows += count
    return rows


# The whole way


def load(source: str, limit: int | None, scratch: Path) -> Any:
    """The notes as a memory-mapped Dataset with `_id` and `description`. Raises SystemExit with what to do instead."""
    from datasets import Dataset, load_dataset

    path = SAMPLE if source == "sample" else Path(source)
    kinds = {".jsonl": "json", ".json": "json", ".parquet": "parquet"}
    if path.is_file() and path.suffix in kinds:
        where: dict[str, Any] = {"path": kinds[path.suffix], "data_files": str(path), "cache_dir": str(scratch)}
    elif path.exists() or path.suffix in kinds:
        raise SystemExit(f"{source}: expected an existing .jsonl, .json or .parquet file")
    else:
        where = {"path": source}
    try:
        if limit:
            stream = load_dataset(**where, split="train", streaming=True).take(limit)
            dataset = Dataset.from_generator(lambda: iter(stream), cache_dir=str(scratch))
        else:
            dataset = load_dataset(**where, split="train")
    except Exception as error:  # datasets raises a dozen kinds here; all mean that this source cannot be read
        hint = "check the file" if "data_files" in where else "check the name and the network, or give a file, or `sample`"
        raise SystemExit(f"{source}: cannot be read ({type(error).__name__}: {error}); {hint}") from None
    missing = {"_id", "description"} - set(dataset.column_names)
    if missing:
        raise SystemExit(f"{source}: no column {' and '.join(sorted(missing))}; found {', '.join(dataset.column_names)}")
    return dataset.select_columns(["_id", "description"])


def clean_batch(batch: dict[str, list[str]]) -> dict[str, Any]:
    """Cleaned texts, and what finding copies needs of them."""
    texts = [clean(text or "") for text in batch["description"]]
    documents = [words_of(text) for text in texts]
    return {
        "description": texts,
        "words": [len(document) for document in documents],
        "fingerprint": [fingerprint(text) for text in texts],
        "sketch": [row.tobytes() for row in sketches(documents)],
    }


def read_and_clean(options: argparse.Namespace, scratch: Path) -> Any:
    """The cleaned notes on disk, with their number of words, fingerprint and sketch."""
    from datasets import Features, Value

    notes = load(options.source, options.limit, scratch)
    kinds = {"_id": "string", "description": "string", "words": "int32", "fingerprint": "binary", "sketch": "binary"}
    return notes.map(
        clean_batch,
        batched=True,
        batch_size=BATCH,
        num_proc=processes(options, len(notes)),
        features=Features({name: Value(kind) for name, kind in kinds.items()}),
        cache_file_name=str(scratch / "cleaned.arrow"),
        desc="clean",
    )


def tokenize(notes: Any, options: argparse.Namespace, path: Path) -> Any:
    """Token ids of every note, each ending in one EOS, and how many there are."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(options.tokenizer)
    tokenizer.model_max_length = sys.maxsize  # blocks come later, so no note is too long here

    def encode(batch: dict[str, list[str]]) -> dict[str, list[Any]]:
        documents = tokenizer(batch["description"], return_attention_mask=False)["input_ids"]
        for document in documents:
            if document[-1:] != [tokenizer.eos_token_id]:
                document.append(tokenizer.eos_token_id)
        return {"input_ids": documents, "tokens": list(map(len, documents))}

    return notes.map(
        encode,
        batched=True,
        batch_size=BATCH,
        num_proc=processes(options, len(notes)),
        remove_columns=notes.column_names,
        cache_file_name=str(path),
        desc="tokenize",
    )


def processes(options: argparse.Namespace, rows: int) -> int | None:
    """How many processes are worth starting for so many rows."""
    wanted = min(options.num_proc, rows // BATCH)
    return wanted if wanted > 1 else None


def prepare(options: argparse.Namespace) -> dict[str, Any]:
    """Run all steps; writes below `options.out` and returns what it also writes to `stats.json`."""
    clock = _Clock()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".prepare-", dir=options.out) as folder:
        scratch = Path(folder)
        notes = read_and_clean(options, scratch)
        clock.done("read and clean")
        kept, dropped = without_copies(notes, options.threshold)
        clock.done("drop copies")
        ids = notes["_id"][:]
        total = sum(options.fractions)
        fractions = {name: f / total for name, f in zip(("train", "val", "test"), options.fractions, strict=True)}
        parts = split(ids, kept, fractions=fractions, seed=options.seed)
        splits = {name: notes.select(rows).select_columns(["_id", "description"]) for name, rows in parts.items()}
        for name, part in splits.items():
            part.to_json(options.out / f"{name}.jsonl", batch_size=BATCH, num_proc=processes(options, len(part)), force_ascii=False)
        clock.done("split")
        stats: dict[str, Any] = {
            "source": options.source,
            "seed": options.seed,
            "rows": len(notes),
            "dropped": dict(dropped),
            "documents": {name: len(rows) for name, rows in parts.items()},
            "articles": {name: len({article(ids[row]) for row in rows}) for name, rows in parts.items()},
            "sources": dict(Counter(ids[row].split("-")[0] for row in parts["train"])),
        }
        unit, lengths = "words", notes.data.column("words").to_numpy()[parts["train"]]
        stats["words"] = describe(lengths)
        if options.until == "blocks":
            tokenized = {name: tokenize(splits[name], options, scratch / f"{name}.arrow") for name in ("train", "val")}
            clock.done("tokenize")
            stats |= {"tokenizer": options.tokenizer, "block_size": options.block_size}
            stats["blocks"] = {n: write_blocks(t, options.out / f"{n}_blocks.parquet", options.block_size) for n, t in tokenized.items()}
            unit, lengths = "tokens", tokenized["train"].data.column("tokens").to_numpy()
            stats["tokens"] = describe(lengths)
            clock.done("pack")
        draw(lengths, [ids[row].split("-")[0] for row in parts["train"]], unit, options)
    stats["seconds"] = clock.seconds
    (options.out / "stats.json").write_text(json.dumps(stats, indent=1) + "\n", encoding="utf-8")
    return stats


class _Clock:
    """Says when a step is done, and remembers how long it took."""

    def __init__(self) -> None:
        self.started = self.last = time.monotonic()
        self.seconds: dict[str, float] = {}

    def done(self, step: str) -> None:
        now = time.monotonic()
        self.seconds[step] = round(now - self.last, 1)
        self.last = now
        print(f"{now - self.started:7.1f} s  {step}: done", flush=True)


def describe(lengths: np.ndarray) -> dict[str, float]:
    """Sum, quantiles and maximum."""
    quantiles = {f"p{q}": round(float(np.quantile(lengths, q / 100)), 1) for q in (5, 50, 95)} if len(lengths) else {}
    return {"total": int(lengths.sum()), **quantiles, "max": int(lengths.max(initial=0))}


def draw(lengths: np.ndarray, sources: list[str], unit: str, options: argparse.Namespace) -> None:
    """`lengths.png`: how long the training notes are, by where they are from."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots()
    names = sorted(set(sources))
    where = np.asarray(sources)
    axes.hist([lengths[where == name] for name in names], bins=60, stacked=True, label=names)
    if unit == "tokens":
        axes.axvline(options.block_size, color="black", linestyle="--", label=f"block of {options.block_size}")
    axes.set(xlabel=f"{unit} in a note", ylabel="notes", title=f"{len(lengths):,} training notes, {int(lengths.sum()):,} {unit}")
    axes.legend()
    figure.savefig(options.out / "lengths.png", dpi=110)


def report(stats: dict[str, Any], out: Path) -> str:
    """The summary that is printed at the end."""
    rows, kept = stats["rows"], sum(stats["documents"].values())
    lines = ["", f"{rows:>10,} notes read from {stats['source']}"]
    lines += [f"{-count:>10,} {what}" for what, count in stats["dropped"].items() if count]
    lines += [f"{kept:>10,} kept", ""]
    for name, count in stats["documents"].items():
        blocks = stats.get("blocks", {}).get(name)
        packed = f", {blocks:,} blocks of {stats['block_size']} tokens" if blocks is not None else ""
        lines.append(f"{name:>10}  {count:,} notes ({count / max(1, kept):.1%}) of {stats['articles'][name]:,} articles{packed}")
    unit = "tokens" if "tokens" in stats else "words"
    length = stats[unit]
    lines += [
        "",
        f"A training note has {length.get('p50', 0):,.0f} {unit} (5 to 95 %: {length.get('p5', 0):,.0f} to {length.get('p95', 0):,.0f}).",
    ]
    lines += [f"Written to {out}/: {', '.join(sorted(p.name for p in out.iterdir() if p.is_file()))}"]
    return "\n".join(lines)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Options from the command line; the profile of this machine gives tokenizer and block size."""
    sys.path.insert(0, str(LABS))
    from utils.course import load_profile

    parser = argparse.ArgumentParser(
        description="Prepare patient notes for training: clean them, drop copies, split them by article, tokenize and pack them.",
        epilog="examples:\n"
        "  python data/prepare_open_patients.py                                     the sample that comes with the course, in seconds\n"
        "  python data/prepare_open_patients.py --source ncbi/Open-Patients         all 180,142 notes, from the Hugging Face Hub\n"
        "  python data/prepare_open_patients.py --source notes.parquet --limit 5000 --until split\n\n"
        "what it writes has the names of Lab 3: train/val/test.jsonl, train/val_blocks.parquet, stats.json; and lengths.png",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--source", default="sample", help="`sample`, a .jsonl or .parquet file, or a data set's name on the Hub (default: sample)")
    add("--out", type=Path, default=LABS / "out" / "prepared", help="folder to write to (default: labs/out/prepared)")
    add("--limit", type=_positive, metavar="N", help="only the first N notes; from the Hub, nothing more is downloaded")
    add("--until", choices=("split", "blocks"), default="blocks", help="stop after the split, or go on to packed blocks (default: blocks)")
    add(
        "--fractions",
        type=float,
        nargs=3,
        default=[80, 10, 10],
        metavar=("TRAIN", "VAL", "TEST"),
        help="shares of the notes (default: 80 10 10)",
    )
    add("--threshold", type=float, default=0.8, help="notes whose five-word shingles overlap this much are copies (default: 0.8)")
    add("--tokenizer", help="folder or Hub name (default: the base model of this machine's profile)")
    add("--block-size", type=_positive, metavar="N", help="tokens per block (default: the profile's)")
    add("--profile", help="section of train/config.json that gives the two defaults above (default: what suits this machine)")
    add("--seed", type=int, default=3407, help="another seed gives another split (default: 3407)")
    add("--num-proc", type=_positive, default=os.cpu_count() or 1, metavar="N", help="processes to use (default: all cores)")
    options = parser.parse_args(arguments)
    if not 0 < options.threshold <= 1:
        parser.error(f"--threshold {options.threshold}: expected a number above 0, at most 1")
    if min(options.fractions) < 0 or options.fractions[0] <= 0:
        parser.error(f"--fractions {options.fractions}: expected three shares, none negative and the first above 0")
    if options.until == "blocks" and not (options.tokenizer and options.block_size):
        profile = load_profile(options.profile)
        local = LABS / profile.base_model
        options.tokenizer = options.tokenizer or (str(local) if local.exists() else profile.base_model)
        options.block_size = options.block_size or profile.block_size
    return options


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prepare the data and say what became of it."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # our processes share the cores already
    options = parse(arguments)
    print(report(prepare(options), options.out))


if __name__ == "__main__":
    main()
