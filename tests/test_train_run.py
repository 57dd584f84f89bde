"""`labs/train/run.py`: its options, and that a run repeats, resumes and says what is wrong."""

import json
import math
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from grader.source import ROOT

SCRIPT = ROOT / "labs" / "train" / "run.py"
PROFILES: dict[str, dict[str, Any]] = json.loads((ROOT / "labs" / "train" / "config.json").read_text())["profiles"]

# Each training below is six steps of 2 × 32 tokens; all share one process, as importing Unsloth takes longer than they do.
TRAININGS = """
import sys, shutil
from pathlib import Path
sys.path.insert(0, {labs!r})
from train import run

folder = Path({folder!r})

def go(name, *more, resume=False, save_steps=None):
    options = run.parse([{common}, *more])
    return run.train(run.settings_of(options), folder / name, save_steps=save_steps, resume=resume)

go("straight", save_steps=3)
go("again")
go("other_seed", "--seed", "8")
(folder / "resumed").mkdir()
shutil.copytree(folder / "straight/checkpoint-3", folder / "resumed/checkpoint-3")
shutil.copy(folder / "straight/config.json", folder / "resumed")
go("resumed", resume=True)
go("recut", "--block-size", "24", "--max-steps", "2")
try:
    go("misspelt", "--target-modules", "q_proj", "gate")
except SystemExit as error:
    (folder / "misspelt.txt").write_text(str(error))
"""


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`python train/run.py …` as a student calls it, with the tiny profile."""
    environment = os.environ | {"DRAGON_PROFILE": "tiny"}
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, env=environment, timeout=120)


def write_blocks(path: Path, *, rows: int, size: int) -> None:
    """Random token ids in the form of Lab 3's blocks."""
    draw = random.Random(rows)
    blocks = [[draw.randrange(3, 4000) for _ in range(size)] for _ in range(rows)]
    pyarrow.parquet.write_table(pyarrow.table({"input_ids": blocks, "labels": blocks}), path)


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blocks")
    write_blocks(folder / "train.parquet", rows=16, size=32)
    write_blocks(folder / "val.parquet", rows=4, size=32)
    return folder


@pytest.fixture(scope="module")
def trained(blocks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs of TRAININGS."""
    folder = tmp_path_factory.mktemp("runs")
    common = [
        "--profile", "tiny", "--train-blocks", str(blocks / "train.parquet"), "--val-blocks", str(blocks / "val.parquet"), "--block-size", "32",
        "--per-device-train-batch-size", "2", "--max-steps", "6", "--warmup-steps", "1",
    ]  # fmt: skip
    program = TRAININGS.format(labs=str(ROOT / "labs"), folder=str(folder), common=", ".join(map(repr, common)))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def log(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_hyperparameter_of_every_profile_is_an_option_with_its_value(profile: str, blocks: Path) -> None:
    files = ("--train-blocks", str(blocks / "train.parquet"), "--val-blocks", str(blocks / "val.parquet"))
    settings = json.loads(call("--profile", profile, "--dry-run", *files).stdout)
    section = PROFILES[profile]
    for name in ("base_model", "base_model_id", "dtype", "load_in_4bit", "block_size", "lora", "train"):
        assert settings[name] == section[name]


def test_an_option_overrides_the_profile(blocks: Path) -> None:
    files = ("--train-blocks", str(blocks / "train.parquet"), "--val-blocks", str(blocks / "val.parquet"))
    options = ("--r", "4", "--use-rslora", "--learning-rate", "1e-4", "--warmup-steps", "0.1", "--target-modules", "q_proj", "v_proj")
    settings = json.loads(call("--dry-run", *options, *files).stdout)
    assert (settings["lora"]["r"], settings["lora"]["use_rslora"], settings["lora"]["target_modules"]) == (4, True, ["q_proj", "v_proj"])
    assert (settings["train"]["learning_rate"], settings["train"]["warmup_steps"]) == (1e-4, 0.1)


def test_the_help_explains_every_option_and_shows_its_default() -> None:
    text = call("--profile", "cpu", "--help").stdout
    for name, value in (PROFILES["cpu"]["lora"] | PROFILES["cpu"]["train"]).items():
        assert f"--{name.replace('_', '-')} " in text or f"--{name.replace('_', '-')}," in text
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            assert f"[{value}]" in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--r", "0"], "--r: 0 is not a number above 0"),
        (["--learning-rate", "nan"], "--learning-rate: nan is not a number above 0"),
        (["--lora-dropout", "1"], "--lora-dropout: 1 is not a number from 0 to below 1"),
        (["--profile", "huge"], "profile 'huge' is not in train/config.json"),
        (["--train-blocks", "nowhere.parquet"], "nowhere.parquet does not exist"),
    ],
)
def test_a_wrong_value_is_named(options: list[str], said: str) -> None:
    done = call(*options)
    assert done.returncode != 0 and said in done.stderr and "Traceback" not in done.stderr


def test_a_run_leaves_an_adapter_a_log_its_settings_and_its_result(trained: Path) -> None:
    run = trained / "straight"
    assert [line["step"] for line in log(run)] == [1, 2, 3, 4, 5, 6]
    assert all(math.isfinite(line["loss"]) and line["learning_rate"] >= 0 for line in log(run))
    assert json.loads((run / "adapter/adapter_config.json").read_text())["base_model_name_or_path"] == PROFILES["tiny"]["base_model_id"]
    assert json.loads((run / "config.json").read_text())["train"]["max_steps"] == 6
    result = json.loads((run / "result.json").read_text())
    assert result["tuned_loss"] != result["base_loss"] and result["base_perplexity"] == pytest.approx(math.exp(result["base_loss"]))


def test_the_same_seed_repeats_a_run_to_the_last_digit(trained: Path) -> None:
    assert log(trained / "again") == log(trained / "straight")
    assert (trained / "again/adapter/adapter_model.safetensors").read_bytes() == (
        trained / "straight/adapter/adapter_model.safetensors"
    ).read_bytes()


def test_another_seed_makes_another_run(trained: Path) -> None:
    assert log(trained / "other_seed") != log(trained / "straight")


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(trained: Path) -> None:
    assert log(trained / "resumed") == log(trained / "straight")
    assert (trained / "resumed/adapter/adapter_model.safetensors").read_bytes() == (
        trained / "straight/adapter/adapter_model.safetensors"
    ).read_bytes()


def test_blocks_are_cut_anew_for_another_block_size(trained: Path) -> None:
    assert len(log(trained / "recut")) == 2


def test_a_target_that_does_not_exist_ends_the_program(trained: Path) -> None:
    assert "the model has no gate" in (trained / "misspelt.txt").read_text()


def test_resuming_with_other_settings_is_refused(trained: Path, blocks: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "resumed", tmp_path / "run")
    done = call(
        "--out",
        str(tmp_path / "run"),
        "--resume",
        "--train-blocks",
        str(blocks / "train.parquet"),
        "--val-blocks",
        str(blocks / "val.parquet"),
    )
    assert done.returncode != 0 and "differ from" in done.stderr and "train" in done.stderr


def test_resuming_without_a_checkpoint_says_what_to_do(blocks: Path, tmp_path: Path) -> None:
    files = ("--train-blocks", str(blocks / "train.parquet"), "--val-blocks", str(blocks / "val.parquet"))
    assert "no checkpoint" in call("--out", str(tmp_path), "--resume", *files).stderr
