"""The `dragon` command: a thin table of commands that delegate. Grading itself is `pytest --lab N`."""

import hashlib
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer
from rich.console import Console

from .errors import GraderError, UsageError
from .source import LABS, ROOT

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Dragon Trainer: build the labs, grade them, look after the machine.")
out = Console(highlight=False)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


@app.command()
def build(check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when a notebook is out of step.")] = False) -> None:
    """Generate both variants of every lab's notebook from reference/labN.py."""
    from .build import build as build_notebooks

    changed = build_notebooks(check=check)
    for path in changed:
        out.print(f"{'out of step' if check else 'written'}: {path.relative_to(ROOT)}")
    if not changed:
        out.print("all notebooks are in step with their sources")
    if check and changed:
        out.print("Run: dragon build")
        raise typer.Exit(1)


@app.command()
def doctor(
    as_json: AsJson = False,
    answers: Annotated[
        bool, typer.Option("--answers", help="Grade all bundled answers: is every right one let through, every wrong one caught?")
    ] = False,
) -> None:
    """Say what this machine can isolate, which base models are there, and what would help."""
    if answers:
        raise typer.Exit(_prove_answers())
    from . import box
    from .gpu import find as gpus
    from .profiles import _BUDGETS, load_profile
    from .session import environment_fingerprint

    tier = box.probe()
    models = {name: (load_profile(name).base_folder / "model.safetensors").exists() for name in _BUDGETS}
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "tier": tier.level,
                    "not_enforced": tier.not_enforced,
                    "reason": tier.reason,
                    "gpu": found.describe() if (found := gpus()) else None,
                    "models": models,
                    "environment": environment_fingerprint(),
                }
            )
        )
        raise typer.Exit(0 if tier.level >= 2 else 1)
    out.print(f"sandbox   tier {tier.level}: {box.TIERS[tier.level]}")
    if tier.reason:
        out.print(f"          not more, because {tier.reason}")
    for gap in tier.not_enforced:
        out.print(f"          not enforced: {gap}")
    if tier.level < 3:
        out.print(advice(tier.level))
    found = gpus()
    if found is not None:
        out.print(f"GPU       {found.describe()}; notebooks use it with --gpu")
    for name, is_there in models.items():
        out.print(f"model     {name}: {'ready' if is_there else f'missing; fetch it with: dragon model --profile {name}'}")
    out.print("packages  " + ", ".join(f"{k} {v}" for k, v in environment_fingerprint().items()))
    raise typer.Exit(0 if tier.level >= 2 else 1)


def _prove_answers() -> int:
    from .answers import load_answers
    from .proof import judge, problem, table

    wrong = 0
    for number in (n for n in LABS if load_answers(n)):
        verdicts = judge(number)
        out.print(table(number, verdicts))
        wrong += sum(bool(problem(answer, verdicts[name])) for name, answer in load_answers(number).items())
    return min(wrong, 1)


def advice(level: int) -> str:
    """What raises the tier: a delegated cgroup above 2; namespaces, on the hosts that are known to block them."""
    if level == 2:
        return "          for tier 3: systemd-run --user --scope -p Delegate=yes pytest --lab N"
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if restricted.exists() and restricted.read_text().strip() == "1":
        return "          try: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    return "          see SECURITY.md, 'Hosts', for containers and hosted runners"


@app.command()
def model(profile: Annotated[str, typer.Option(help="Which profile's base model.")] = "cpu", as_json: AsJson = False) -> None:
    """Show a profile's base model, and fetch it if it is missing."""
    from rich.progress import Progress

    from .profiles import load_profile

    chosen = load_profile(profile)
    weights = chosen.base_folder / "model.safetensors"
    if not weights.exists() and profile == "cpu":
        with Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task(f"unpacking {chosen.settings['base_model_id']}", total=None)
            _fetch_script().fetch(chosen.base_folder, lambda done, of: progress.update(task, completed=done, total=of))
    found = hashlib.sha256(weights.read_bytes()).hexdigest() if weights.exists() else ""
    is_right = found == chosen.base_sha256
    facts = {
        "profile": profile,
        "model": chosen.settings["base_model_id"],
        "folder": str(chosen.settings["base_model"]),
        "sha256": found,
        "is_pinned": is_right,
    }
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        state = "as pinned" if is_right else f"NOT the pinned one ({chosen.base_sha256[:16]}…): delete the folder and fetch it again"
        out.print(f"{facts['model']} in labs/{facts['folder']}\nsha256 {found[:16]}… {state}")
    raise typer.Exit(0 if is_right else 1)


def _fetch_script() -> ModuleType:
    """A module of the course, which is not a package."""
    spec = importlib.util.spec_from_file_location("fetch_smollm2", ROOT / "labs" / "models" / "fetch_smollm2.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def grade(
    context: typer.Context,
    submissions: Annotated[Path | None, typer.Argument(help="A notebook, a folder or a zip.")] = None,
    lab: Annotated[int, typer.Option(help="The lab, 1 to 7.")] = ...,  # type: ignore[assignment]
) -> None:
    """Grade a lab's notebooks: `pytest --lab N`, with any of its options."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--lab",
        str(lab),
        *(["--submissions", str(submissions)] if submissions else []),
        *context.args,
    ]
    raise typer.Exit(subprocess.run(command, check=False).returncode)


@app.command()
def check(
    notebook: Annotated[Path, typer.Argument(help="Your notebook.")],
    lab: Annotated[int | None, typer.Option(help="The lab, if the file's name does not say it.")] = None,
) -> None:
    """Run a notebook and its public checks: what a student sees before submitting."""
    match = re.search(r"lab(\d)", notebook.name)
    number = lab or (int(match[1]) if match else None)
    if number is None:
        raise UsageError(f"{notebook.name} does not say which lab it is for; add --lab N")
    command = [sys.executable, "-m", "pytest", "--lab", str(number), "--submissions", str(notebook), "--public"]
    raise typer.Exit(subprocess.run(command, check=False).returncode)


def main() -> None:
    """Entry point: the grader's own errors are one line, not a traceback."""
    try:
        app()
    except (GraderError, FileNotFoundError) as error:
        Console(stderr=True, highlight=False).print(f"dragon: {error}")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
