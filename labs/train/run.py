#!/usr/bin/env python
"""Lab 4's training as a script: LoRA continued pretraining on packed blocks, every number an option.

    python train/run.py                                    # the profile of this machine, as in the notebook
    python train/run.py --profile cpu --learning-rate 3e-4 --r 16 --lora-alpha 32
    python train/run.py --out out/train/long --max-steps 200 --save-steps 50
    python train/run.py --out out/train/long --max-steps 200 --save-steps 50 --resume

It reads the blocks that Lab 3 left and writes, below --out:
    adapter/       what was trained: load it with PEFT onto the same base
    log.jsonl      one line per step: step, loss, learning_rate, grad_norm
    config.json    every setting of this run
    result.json    validation loss and perplexity, before and after
"""

import argparse
import json
import math
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from utils.course import ROOT, Profile, load_profile  # the course is a folder, not a package

PLACES = ("out/lab3", "inputs/lab3")  # where Lab 3's blocks may lie: your own first
DTYPES = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run's result, as written to config.json; `train` and `lora` as in train/config.json."""

    profile: str
    base_model: str
    dtype: str
    load_in_4bit: bool
    base_model_id: str  # what adapter_config.json names as its base
    block_size: int
    train_blocks: str
    val_blocks: str
    val_most: int
    lora: dict[str, Any]
    train: dict[str, Any]


def main(argv: list[str] | None = None) -> None:
    """Parse, train, report."""
    options = parse(argv)
    settings = settings_of(options)
    if options.dry_run:
        print(json.dumps(asdict(settings), indent=1))
        return
    out = Path(options.out) if options.out else ROOT / "out" / "train" / settings.profile
    result = train(settings, out, save_steps=options.save_steps, resume=options.resume)
    print(f"validation perplexity {result['base_perplexity']:.2f} -> {result['tuned_perplexity']:.2f}; see {out}")


# --- options ------------------------------------------------------------------------------------------------------------


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Command-line options; their defaults, and so the help, are those of the chosen profile."""
    first = argparse.ArgumentParser(add_help=False)
    add_profile(first)
    try:
        profile = load_profile(first.parse_known_args(argv)[0].profile)
    except ValueError as error:
        raise SystemExit(f"--profile: {error}") from None
    parser = argparse.ArgumentParser(
        usage="python train/run.py [options]",
        description=f"{__doc__}\nValues in [brackets] are those of the profile {profile.name!r}, and hold where you say nothing.",
        formatter_class=Help,
    )
    add_profile(parser)
    parser.set_defaults(profile=profile.name)
    add_model(parser.add_argument_group("the base model"), profile)
    add_lora(parser.add_argument_group("LoRA: W + (alpha / r) · B A"), profile.lora)
    add_train(parser.add_argument_group("training"), profile.train)
    add_files(parser.add_argument_group("data and output"))
    return parser.parse_args(argv)


class Help(argparse.RawDescriptionHelpFormatter):
    """Shows each option's default behind it, where it has one."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=118)

    def _get_help_string(self, action: argparse.Action) -> str:
        if action.default in (None, argparse.SUPPRESS) or isinstance(action, argparse._StoreTrueAction):
            return action.help or ""
        default = action.default
        if isinstance(default, bool):
            default = "on" if default else "off"
        elif isinstance(default, list):
            default = " ".join(default)
        return f"{action.help} [{default}]"


def add_profile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help="section of train/config.json to start from: tiny, cpu, t4 or gpu; its numbers are then the defaults",
    )


def add_model(group: argparse._ArgumentGroup, profile: Profile) -> None:
    on_off = argparse.BooleanOptionalAction
    group.add_argument(
        "--base-model", metavar="NAME", default=profile.base_model, help="a folder, or a model's name on the Hugging Face Hub"
    )
    group.add_argument("--dtype", choices=DTYPES, default=profile.dtype, help="number format; float32 on a CPU, float16 on a T4")
    group.add_argument(
        "--load-in-4bit", action=on_off, default=profile.load_in_4bit, help="hold the frozen base in 4 bit (QLoRA): a quarter of the memory"
    )
    group.add_argument(
        "--block-size",
        type=positive,
        metavar="N",
        default=profile.block_size,
        help="tokens per block; other than Lab 3's: blocks are cut anew",
    )


def add_lora(group: argparse._ArgumentGroup, lora: dict[str, Any]) -> None:
    group.add_argument("--r", type=positive, metavar="N", default=lora["r"], help="rank: how many directions the correction has")
    group.add_argument(
        "--lora-alpha", type=positive_float, metavar="X", default=lora["lora_alpha"], help="volume of the correction; often 2 × r"
    )
    group.add_argument(
        "--lora-dropout", type=share, metavar="P", default=lora["lora_dropout"], help="share of A's inputs set to 0 in training"
    )
    group.add_argument(
        "--target-modules", nargs="+", metavar="MODULE", default=lora["target_modules"], help="which linear layers get an adapter"
    )
    group.add_argument(
        "--use-rslora",
        action=argparse.BooleanOptionalAction,
        default=lora["use_rslora"],
        help="scale with alpha / √r in place of alpha / r",
    )


def add_train(group: argparse._ArgumentGroup, train: dict[str, Any]) -> None:
    group.add_argument("--max-steps", type=positive, metavar="N", default=train["max_steps"], help="optimizer steps")
    group.add_argument(
        "--per-device-train-batch-size",
        type=positive,
        metavar="N",
        default=train["per_device_train_batch_size"],
        help="blocks in one forward pass",
    )
    group.add_argument(
        "--gradient-accumulation-steps",
        type=positive,
        metavar="N",
        default=train["gradient_accumulation_steps"],
        help="forward passes per step: more batch, same memory",
    )
    group.add_argument(
        "--learning-rate", type=positive_float, metavar="X", default=train["learning_rate"], help="at its highest, after the warm-up"
    )
    group.add_argument(
        "--warmup-steps",
        type=not_negative,
        metavar="X",
        default=train["warmup_steps"],
        help="steps until then; below 1: a share of --max-steps",
    )
    group.add_argument(
        "--lr-scheduler-type",
        metavar="NAME",
        default=train["lr_scheduler_type"],
        help="how it falls afterwards: linear, cosine, constant_with_warmup, …",
    )
    group.add_argument("--weight-decay", type=not_negative, metavar="X", default=train["weight_decay"], help="AdamW's pull towards 0")
    group.add_argument(
        "--seed",
        type=int,
        metavar="N",
        default=train["seed"],
        help="of A's random start and of the order of the blocks; same seed, same run",
    )


def add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--train-blocks", metavar="PARQUET", help=f"packed training blocks (left out: train_blocks.parquet in {' or '.join(PLACES)})"
    )
    group.add_argument("--val-blocks", metavar="PARQUET", help="packed validation blocks (left out: likewise)")
    group.add_argument("--val-most", type=positive, metavar="N", default=64, help="validate on at most so many blocks")
    group.add_argument("--out", metavar="DIR", help="where everything goes (left out: out/train/PROFILE)")
    group.add_argument("--save-steps", type=positive, metavar="N", help="write a checkpoint every N steps, to resume from")
    group.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out, with the same settings")
    group.add_argument("--dry-run", action="store_true", help="print the settings as JSON and stop")


def positive(text: str) -> int:
    return _number(int(text), text, lambda x: x > 0, "above 0")


def positive_float(text: str) -> float:
    return _number(float(text), text, lambda x: x > 0, "above 0")


def not_negative(text: str) -> float:
    value = _number(float(text), text, lambda x: x >= 0, "of at least 0")
    return int(value) if value == int(value) else value


def share(text: str) -> float:
    return _number(float(text), text, lambda x: 0 <= x < 1, "from 0 to below 1")


def _number(value: Any, text: str, is_right: Any, expected: str) -> Any:
    if not math.isfinite(value) or not is_right(value):
        raise argparse.ArgumentTypeError(f"{text} is not a number {expected}")
    return value


def settings_of(options: argparse.Namespace) -> Settings:
    """The options as one record, with the data found. Ends the program when there are no blocks."""
    profile = load_profile(options.profile)
    given = vars(options)
    public_name = profile.base_model_id if options.base_model == profile.base_model else options.base_model
    model = {name: given[name] for name in ("base_model", "dtype", "load_in_4bit", "block_size", "val_most")}
    blocks = {name: find_blocks(name, given[name]) for name in ("train_blocks", "val_blocks")}
    return Settings(
        profile=profile.name, base_model_id=public_name, **model, **blocks, lora={k: given[k] for k in profile.lora}, train={k: given[k] for k in profile.train}
    )  # fmt: skip


def find_blocks(name: str, given: str | None) -> str:
    """The Parquet file with these blocks: the one given, else Lab 3's."""
    candidates = [Path(given)] if given else [ROOT / place / f"{name}.parquet" for place in PLACES]
    for path in candidates:
        if path.is_file():
            return str(path.resolve())
    option = f"--{name.replace('_', '-')}"
    if given:
        raise SystemExit(f"{option}: {given} does not exist. Give a Parquet file of packed blocks, as Lab 3 writes them.")
    raise SystemExit(f"{name}.parquet is neither in {' nor in '.join(PLACES)}. Run Lab 3 first, or give {option} a file.")


# --- training -----------------------------------------------------------------------------------------------------------


def train(settings: Settings, out: Path, *, save_steps: int | None = None, resume: bool = False) -> dict[str, float]:
    """Train, write everything below `out`, return the validation numbers (losses in nats per token)."""
    checkpoint = prepare(settings, out, resume=resume)
    os.environ.setdefault("UNSLOTH_COMPILE_LOCATION", str((out / "compiled").resolve()))
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from unsloth import FastLanguageModel, UnslothTrainer, UnslothTrainingArguments  # isort: skip - before transformers

    import torch
    from utils.seed import seed_everything

    on_gpu = torch.cuda.is_available()
    seed = settings.train["seed"]
    seed_everything(seed)
    base_model = ROOT / settings.base_model
    model, tokenizer = FastLanguageModel.from_pretrained(
        str(base_model) if base_model.exists() else settings.base_model,
        max_seq_length=settings.block_size,
        dtype=getattr(torch, settings.dtype),
        load_in_4bit=settings.load_in_4bit,
        use_gradient_checkpointing="unsloth" if on_gpu else False,
    )
    model.name_or_path = settings.base_model_id
    model = FastLanguageModel.get_peft_model(model, **settings.lora, random_state=seed)
    check_targets(model, settings.lora["target_modules"])
    arguments = UnslothTrainingArguments(
        **settings.train,
        output_dir=str(out),
        logging_steps=1,
        save_strategy="steps" if save_steps else "no",
        save_steps=save_steps or 500,
        report_to="none",
        max_length=settings.block_size,
        packing=False,
        bf16=settings.dtype == "bfloat16",
        fp16=settings.dtype == "float16",
        gradient_checkpointing=on_gpu,
    )
    validation = read_blocks(settings.val_blocks, settings.block_size).select_columns("input_ids")[: settings.val_most]["input_ids"]
    with model.disable_adapter():
        base_loss = mean_loss(model, validation)
    trainer = UnslothTrainer(
        model=model, processing_class=tokenizer, train_dataset=read_blocks(settings.train_blocks, settings.block_size), args=arguments
    )
    trainer.train(resume_from_checkpoint=checkpoint)
    model.save_pretrained(str(out / "adapter"))
    write_log(trainer.state.log_history, out / "log.jsonl")
    tuned_loss = mean_loss(model, validation)
    result = {
        "base_loss": base_loss,
        "tuned_loss": tuned_loss,
        "base_perplexity": math.exp(base_loss),
        "tuned_perplexity": math.exp(tuned_loss),
    }
    (out / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    return result


def prepare(settings: Settings, out: Path, *, resume: bool) -> str | None:
    """Make `out` with its config.json; the last checkpoint's folder when resuming. Ends the program when that is not possible."""
    config = json.dumps(asdict(settings), indent=1) + "\n"
    checkpoint = None
    if resume:
        saved = sorted(out.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
        if not saved:
            raise SystemExit(f"--resume: there is no checkpoint in {out}. Start without it, with --save-steps.")
        before = json.loads((out / "config.json").read_text())
        changed = [name for name, value in json.loads(config).items() if before.get(name) != value]
        if changed:
            raise SystemExit(
                f"--resume: {', '.join(changed)} differ from {out / 'config.json'}. Give the same options as before, or another --out."
            )
        checkpoint = str(saved[-1])
    elif list(out.glob("checkpoint-*")):
        raise SystemExit(f"{out} holds checkpoints of an earlier run. Go on with --resume, or give another --out.")
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(config)
    return checkpoint


def check_targets(model: Any, wanted: list[str]) -> None:
    """End the program when a target module does not exist: PEFT leaves such names out and says nothing."""
    adapted = {name.rpartition(".lora_")[0].rpartition(".")[2] for name, _ in model.named_parameters() if ".lora_" in name}
    missing = [name for name in wanted if name not in adapted]
    if missing:
        raise SystemExit(f"--target-modules: the model has no {', '.join(missing)}. It has been given {', '.join(sorted(adapted))}.")


def read_blocks(path: str, block_size: int) -> Any:
    """A `datasets.Dataset` of `input_ids` and equal `labels`, `block_size` tokens each; blocks of another size are cut anew."""
    import pyarrow.parquet
    from datasets import Dataset

    rows: list[list[int]] = pyarrow.parquet.read_table(path, columns=["input_ids"])["input_ids"].to_pylist()
    line = [token for row in rows for token in row]
    blocks = [line[start : start + block_size] for start in range(0, len(line) - block_size + 1, block_size)]
    if not blocks:
        raise SystemExit(f"{path} holds {len(line)} tokens: not one block of {block_size}.")
    return Dataset.from_dict({"input_ids": blocks, "labels": blocks})


def mean_loss(model: Any, rows: list[list[int]], batch_size: int = 8) -> float:
    """Mean nats per predicted token over blocks of equal length."""
    import torch

    model.eval()
    total = 0.0
    with torch.no_grad():
        for part in torch.tensor(rows, device=model.device).split(batch_size):
            total += model(input_ids=part, labels=part, use_cache=False).loss.item() * len(part)
    return total / len(rows)


def write_log(history: list[dict[str, Any]], path: Path) -> None:
    """One line per optimizer step: step, loss (nats per token), learning_rate, grad_norm."""
    keys = ("step", "loss", "learning_rate", "grad_norm")
    lines = [json.dumps({key: entry[key] for key in keys if key in entry}) for entry in history if "loss" in entry]
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
