"""Hidden inputs of Lab 7: a context, a folder to release from, and hubs to publish to. No expected values."""

import copy
import hashlib
import json
import tempfile
from pathlib import Path

from boxed import probe

CTX = {
    "model_name": "notes: a second try",
    "repo_id": "kim/notes-2",
    "author": "Kim & Søn <kim>",
    "contact": 'write to "kim" at example.org',
    "summary": "What looks like a template, {{ author }} or {% if %}, is text. So is &amp;, which HTML would read as another sign. 5 % < 10 %.",
    "base_model": "some-lab/base-1b",
    "base_license": "apache-2.0",
    "training_data": "Three notes # not a comment\n\nin two paragraphs: one, and another.",
    "hardware": "one card of 1999",
    "out_of_scope": "Not for clinical use, for research and education.",
    "licence_note": "CC BY-SA 4.0, under the same licence.",
    "adapter": {"r": 13, "lora_alpha": 31, "lora_dropout": 0.07, "target_modules": ["k_proj", "gate_proj"]},
    "training": {"steps": 271, "tokens": 828182, "learning_rate": 0.00459, "first_loss": 4.523, "last_loss": 3.602},
    "metrics": {
        "base": {"token_ppl": 28.747, "bpb": 1.352, "n_tokens": 6243, "n_bytes": 25110},
        "tuned": {"token_ppl": 17.183, "bpb": 1.148, "n_tokens": 6241, "n_bytes": 25108},
        "n_docs": 97,
        "ratio": 0.598,
        "bootstrap_ci": [0.553, 0.641],
        "general_text": {"ratio": 1.207},
        "eval_config_sha": "c0ffee42",
    },
}
NOT_SHOWN = ["metrics.base.n_bytes", "metrics.tuned.n_bytes"]  # in metrics.json, but no value of the card


def leaves(value, path=()):
    """Paths of everything in nested dicts that is no dict."""
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in leaves(inner, (*path, key))]
    return [] if ".".join(path) in NOT_SHOWN else [path]


def parent(ctx, path):
    for key in path[:-1]:
        ctx = ctx[key]
    return ctx


def changed(value):
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, list):
        return [*value, "up_proj"] if isinstance(value[0], str) else [2 * number for number in value]
    return value * 2


@probe
def card_rendered(render_card):
    verbatim = {key: value for key, value in CTX.items() if isinstance(value, str)}
    return {"text": str(render_card(copy.deepcopy(CTX))), "verbatim": verbatim, "tuned": CTX["metrics"]["tuned"], "name": CTX["model_name"]}


@probe
def card_varied(render_card):
    """For each value: does the card change when it does?"""
    first = str(render_card(copy.deepcopy(CTX)))
    found = {}
    for path in leaves(CTX):
        ctx = copy.deepcopy(CTX)
        parent(ctx, path)[path[-1]] = changed(parent(ctx, path)[path[-1]])
        found[".".join(path)] = str(render_card(ctx)) != first
    return found


@probe
def card_lacking(render_card):
    """For each value, and each group of values: is its absence an error?"""
    render_card(copy.deepcopy(CTX))
    found = {}
    for path in [*leaves(CTX), ("adapter",), ("training",), ("metrics",), ("metrics", "base"), ("metrics", "general_text")]:
        ctx = copy.deepcopy(CTX)
        del parent(ctx, path)[path[-1]]
        try:
            render_card(ctx)
            found[".".join(path)] = False
        except Exception:
            found[".".join(path)] = True
    return found


@probe
def inputs_given():
    from utils.course import ROOT, load_profile

    adapter = ROOT / "inputs" / "lab4" / "adapter"
    return {
        "base_model": load_profile().base_model_id,
        "config": json.loads((adapter / "adapter_config.json").read_text()),
        "weights": sha256(adapter / "adapter_model.safetensors"),
        "metrics": json.loads((ROOT / "inputs" / "lab6" / "metrics.json").read_text()),
    }


# Releases


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def listing(folder):
    """Relative path → sha256, or what it is instead of a file."""
    found = {}
    for path in sorted(Path(folder).rglob("*"))[:200]:
        name = path.relative_to(folder).as_posix()
        found[name] = "a link" if path.is_symlink() else "a folder" if path.is_dir() else sha256(path)
    return found


def texts(folder):
    return {
        name: (folder / name).read_text(encoding="utf-8", errors="replace")[:200_000]
        for name in ("README.md", "adapter_config.json", "SHA256SUMS")
        if (folder / name).is_file()
    }


def messy_folder(folder, base="/home/kim/models/base"):
    """What a training leaves: an adapter, and all that should not go out with it."""
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 12, "lora_dropout": 0.05, "bias": "none", "use_rslora": True,
        "target_modules": ["v_proj", "down_proj"], "base_model_name_or_path": base, "inference_mode": True,
    }  # fmt: skip
    folder.mkdir()
    header = json.dumps({"a": {"dtype": "F32", "shape": [64], "data_offsets": [0, 256]}}).encode()
    weights = len(header).to_bytes(8, "little") + header + bytes(range(256))
    for name in (
        "adapter_model.safetensors",
        "model.safetensors",
        "checkpoint-7/adapter_model.safetensors",
        "best/adapter_model.safetensors",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(weights if name == "adapter_model.safetensors" else weights[::-1])
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "checkpoint-7" / "adapter_config.json").write_text("{}")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n[More Information Needed]")
    for name in (
        "optimizer.pt",
        "training_args.bin",
        "adapter_model.bin",
        "trainer_state.json",
        "notes.jsonl",
        "notes.txt",
        ".env",
        "tokenizer.json",
    ):
        (folder / name).write_text("not for others")
    (folder / "SHA256SUMS").write_text("")
    return config


@probe
def release_made(make_release):
    """From a messy folder to a place that holds an old release, and to one that is not there yet; then from another to the first again.

    The other adapter names its base as some trainers do, neither by a path nor by what others know it as.
    """
    card = "---\nlicense: cc-by-sa-4.0\nbase_model: some-lab/base-1b\n---\n\n# Ünique card\n\nFor research.\n"
    with tempfile.TemporaryDirectory() as scratch:
        source, other, old, new = Path(scratch, "outputs"), Path(scratch, "nick"), Path(scratch, "release"), Path(scratch, "a", "b")
        config = messy_folder(source)
        messy_folder(other, base="base")
        (old / "logs").mkdir(parents=True)
        for name in ("optimizer.pt", "README.md", "logs/events"):
            (old / name).write_text("old")
        before, other_before = listing(source), listing(other)
        made = {}
        for name, adapter, target in (("over an old release", source, old), ("in a new place", source, new), ("a second time", other, old)):
            make_release(adapter, card, "some-lab/base-1b", target)
            made[name] = {"files": listing(target), "texts": texts(target)}
        return {
            "made": made,
            "card": card,
            "config": config,
            "weights": before["adapter_model.safetensors"],
            "source_same": listing(source) == before and listing(other) == other_before,
        }


@probe
def release_found(make_release):
    """What lies in the student's own release."""
    from utils.course import ROOT

    folder = ROOT / "out" / "lab7" / "release"
    return {"files": listing(folder), "texts": texts(folder)} if folder.is_dir() else None


# Pushes


def release_folder(folder, version="1"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(f"---\nlicense: cc-by-sa-4.0\n---\n\n# Version {version}\n")
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    (folder / "adapter_model.safetensors").write_bytes(bytes(range(256)) * 40)
    (folder / "SHA256SUMS").write_text(
        "".join(f"{sha256(folder / n)}  {n}\n" for n in ("README.md", "adapter_config.json", "adapter_model.safetensors"))
    )
    return folder


def state(hub, repo_id):
    """What the server holds, whatever was printed or returned."""
    repository = hub.repositories.get(repo_id)
    if repository is None:
        return None
    return {
        "private": repository.private,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in repository.files.items()},
        "commits": [commit.oid for commit in repository.commits],
    }


@probe
def published_once(publish):
    from utils.hub_rehearsal import RehearsalHub

    with tempfile.TemporaryDirectory() as scratch, RehearsalHub(user="kim") as hub:
        folder = release_folder(Path(scratch, "release"))
        returned = publish(hub.api(), folder, "kim/notes-2")
        return {
            "returned": str(returned),
            "state": state(hub, "kim/notes-2"),
            "folder": listing(folder),
            "others": sorted(set(hub.repositories) - {"kim/notes-2"}),
        }


@probe
def published_again(publish):
    """Three pushes: the second of the same, the third of something new; then one to a public repository that was there before."""
    from utils.hub_rehearsal import RehearsalHub

    with tempfile.TemporaryDirectory() as scratch, RehearsalHub(user="kim") as hub:
        folder, steps = release_folder(Path(scratch, "release")), []
        for version in ("1", "1", "2"):
            release_folder(folder, version)
            steps.append(push(publish, hub, folder, "kim/notes-2"))
        hub.create("kim/older", private=False)
        return {"steps": steps, "older": push(publish, hub, folder, "kim/older")}


def push(publish, hub, folder, repo_id):
    try:
        outcome = {"returned": str(publish(hub.api(), folder, repo_id)), "raised": None}
    except Exception as error:
        outcome = {"returned": None, "raised": f"{type(error).__name__}: {error}"[:120]}
    return outcome | {"state": state(hub, repo_id), "folder": listing(folder)}


@probe
def published_refused(publish):
    """Tokens that may not, at each step, and a hub that breaks down."""
    from utils.hub_rehearsal import RehearsalHub

    found = {}
    with tempfile.TemporaryDirectory() as scratch, RehearsalHub(user="kim") as hub:
        folder = release_folder(Path(scratch, "release"))
        hub.create("kim/mine", private=True)
        hub.create("noor/hers", private=False)
        for case, role, repo_id in (
            ("an unknown token", "unknown", "kim/new"),
            ("a token that may only read", "read", "kim/new"),
            ("an account that isn't yours", "write", "noor/new"),
            ("a token that may only read, and a repository that exists", "read", "kim/mine"),
            ("somebody else's public repository", "write", "noor/hers"),
        ):
            found[case] = refusal(hub, publish, hub.api(role), folder, repo_id)
        hub.broken = True
        found["a Hub that breaks down"] = refusal(hub, publish, hub.api(), folder, "kim/mine")
    return found


def refusal(hub, publish, api, folder, repo_id):
    before = state(hub, repo_id)
    outcome = {"repo_id": repo_id, "raised": None}
    try:
        publish(api, folder, repo_id)
    except Exception as error:
        outcome |= {
            "raised": type(error).__name__,
            "is_permission": isinstance(error, PermissionError),
            "text": str(error)[:2000],
            "token": api.token in str(error),
        }
    return outcome | {"same": contents(state(hub, repo_id)) == contents(before)}


def contents(found):
    return found and (found["files"], found["commits"])
