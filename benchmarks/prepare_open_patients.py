"""How long `labs/data/prepare_open_patients.py` takes on rows like Open-Patients', and how much memory, by number of rows.

Writes JSONL files of made-up rows with the data set's size, ids, length distribution and artefacts, runs the script on each in
a process of its own, and prints seconds and peak memory. The texts are words drawn at random: good for measuring, not for training.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "labs" / "data" / "prepare_open_patients.py"
ROWS = 180_142  # of Open-Patients: 167,034 + 12,893 + 90 + 125
ARTICLES = 140_897  # that the 167,034 pmc patients come from
KINDS = (("pmc", 167_034), ("usmle", 12_893), ("trec-cds-2014", 90), ("trec-ct-2021", 125))
# words of 591 real notes with Open-Patients' ids: p5 121, p50 479, p95 949, longest 1,692, mean 499
QUANTILES, WORDS = (0.0, 0.05, 0.5, 0.75, 0.95, 0.99, 1.0), (25, 121, 479, 650, 949, 1250, 1692)
COPIES = 0.005  # exact ones, and as many near ones
# share of real notes with each artefact (the same 591): what is written, how often
MARKS = ((" []", 0.25), (" ()", 0.2), (" (Fig. )", 0.3), (" 106 × 109/L", 0.14), (" 38.4\u00a0°C", 0.84), (".\n", 0.81))


def rows(count: int, seed: int = 0) -> Iterator[dict[str, str]]:
    """`count` rows of the real distribution; the same for the same seed."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("etaoinsrhldcumfpgwybvk"))
    vocabulary = np.array(["".join(rng.choice(letters, n)) for n in rng.integers(2, 10, 30_000)])
    frequency = 1 / np.arange(3, 30_003)
    frequency /= frequency.sum()
    ids = list(_ids(count, rng))
    lengths = np.interp(rng.random(count), QUANTILES, WORDS).astype(int)
    earlier = ["A note to copy from."]
    for start in range(0, count, 1000):
        sizes = lengths[start : start + 1000]
        words = vocabulary[rng.choice(len(vocabulary), sizes.sum(), p=frequency)]
        for row_id, text in zip(ids[start : start + 1000], np.split(words, np.cumsum(sizes)[:-1]), strict=True):
            yield {"_id": row_id, "description": _note(text, earlier, rng)}


def _note(words: Any, earlier: list[str], rng: np.random.Generator) -> str:
    chance = rng.random(2 + len(MARKS))
    if chance[0] < 2 * COPIES:
        copied = earlier[rng.integers(len(earlier))]
        return copied if chance[0] < COPIES else copied + " He did well."
    pieces = list(words)
    for place in range(rng.integers(8, 20), len(pieces), 14):
        pieces[place] += "." if place % 3 else ","
    for (mark, share), drawn in zip(MARKS, chance[2:], strict=True):
        if drawn < share:
            pieces[rng.integers(len(pieces))] += mark
    text = " ".join(pieces)
    if chance[1] < 0.01:
        earlier.append(text)
    return text


def _ids(count: int, rng: np.random.Generator) -> Iterator[str]:
    articles = np.sort(rng.choice(9_000_000, ARTICLES, replace=False))
    patients = np.sort(np.concatenate([np.arange(ARTICLES), rng.integers(0, ARTICLES, KINDS[0][1] - ARTICLES)]))
    number, last = 0, -1
    everything = []
    for article in patients:
        number = number + 1 if article == last else 1
        last = article
        everything.append(f"pmc-{articles[article]}-{number}")
    everything += [f"{kind}-{n}" for kind, total in KINDS[1:] for n in range(1, total + 1)]
    chosen = np.sort(rng.permutation(len(everything))[:count])
    return (everything[i] for i in chosen)


def write(path: Path, count: int) -> float:
    """A JSONL file of `count` rows; returns the mean number of words."""
    words = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows(count):
            words += len(row["description"].split())
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return words / count


def measure(command: list[str]) -> tuple[float, float, int]:
    """Wall seconds, processor seconds, and the peak of memory that the process and its children hold.

    Memory counts private bytes; pages of files, which the system takes back when it needs them, do not.
    """
    started, before = time.monotonic(), _cpu_seconds()
    process = subprocess.Popen(command, stdout=sys.stdout, stderr=subprocess.DEVNULL)
    peak = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.5):
            peak = max(peak, _private_bytes(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    status = process.wait()
    seconds = time.monotonic() - started
    done.set()
    watcher.join()
    if status:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    return seconds, _cpu_seconds() - before, peak


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _private_bytes(pid: int) -> int:
    total = 0
    try:
        for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            fields = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            total += sum(int(line.split()[1]) << 10 for line in fields.splitlines() if line.startswith("Pss_Anon:"))
    except (psutil.Error, OSError):
        return 0  # a process ended while it was looked at
    return total


def main() -> None:
    """Measure at the sizes asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 60_000, ROWS], help="sizes (default: 20,000, 60,000, all 180,142)")
    parser.add_argument("--num-proc", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--until", default="split", choices=("split", "blocks"), help="how far to go (default: split)")
    options = parser.parse_args()
    results = []
    for count in options.rows:
        with tempfile.TemporaryDirectory(prefix="dragon-prepare-") as folder:
            source = Path(folder, "rows.jsonl")
            mean = write(source, count)
            print(
                f"{count:,} rows of {mean:.0f} words, {source.stat().st_size / 1e6:,.0f} MB; load {psutil.getloadavg()[0]:.1f}", flush=True
            )
            out = Path(folder, "out")
            command = [sys.executable, str(SCRIPT), "--source", str(source), "--out", str(out)]
            seconds, cpu, peak = measure([*command, "--until", options.until, "--num-proc", str(options.num_proc)])
            results.append((count, seconds, cpu, peak, json.loads((out / "stats.json").read_text())["seconds"]))
    print(f"\n{'rows':>10} {'seconds':>8} {'rows/s':>8} {'cpu s':>8} {'peak MB':>8}  steps")
    for count, seconds, cpu, peak, steps in results:
        print(f"{count:>10,} {seconds:>8.1f} {count / seconds:>8,.0f} {cpu:>8.1f} {peak / 1e6:>8,.0f}  {steps}")


if __name__ == "__main__":
    main()
