# %% [markdown]
# # Lab 7 · Release: a card, a clean folder, a push
#
# An adapter that lies in `outputs/` helps nobody, and one that goes out without its story can do harm. In this last lab you write
# down where yours comes from, what it is worth and what it must not be used for; you pack exactly what others need; and you push
# it, in a rehearsal on your own machine.
#
# **You learn** to write a model card whose numbers nobody typed · to make a missing value an error · what share-alike asks of you
# · to release by whitelist, with hashes · to push so that doing it twice does no harm.
#
# **Time** about 75 minutes of yours. Every cell takes a second, on a T4 as on a CPU.
#
# **Hand in** this notebook. It leaves `out/lab7/README.md` (the card) and `out/lab7/release/`.
#
# *For education and research. What the model writes about illness is invented: never for clinical use.*

# %% tags=["setup"]

# %% tags=["install", "colab"]
# Once per session, about three minutes.
import importlib.util

if importlib.util.find_spec("unsloth") is None:
    print("Installing …")
    # %pip install -q -r requirements.txt
    # %pip install -q --no-deps unsloth==2026.10.9 unsloth_zoo==2026.10.9 cut_cross_entropy==25.1.1

# %%
import hashlib
import json
import re
import shutil
import tempfile

import matplotlib.pyplot as plt
from huggingface_hub import EvalResult, HfApi, ModelCard, ModelCardData
from huggingface_hub.errors import HfHubHTTPError
from IPython.display import Markdown, display
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from utils.hub_rehearsal import RehearsalHub

adapter_folder = INPUTS / "lab4/adapter"
for path in sorted(adapter_folder.parent.rglob("*")):
    if path.is_file():
        print(f"{path.stat().st_size:>10,} bytes  {path}")
print(json.dumps(json.loads((INPUTS / "lab6/metrics.json").read_text(encoding="utf-8")), indent=1)[:700])

# %% [markdown]
# That is what the earlier labs left in `INPUTS`: the adapter and the log of its training (Lab 4), and the numbers of your report
# (Lab 6). You need both labs done. (When your notebook is graded, everybody gets the same adapter and numbers.)
#
# ## What a card looks like when nobody fills it in
#
# Libraries write a `README.md` for you when you save a model. Count what is in it:

# %%
empty = ModelCard.from_template(ModelCardData(license="cc-by-sa-4.0"))
print(empty.content.count("[More Information Needed]"), "times [More Information Needed], and no error")
print(empty.content[1800:2300])

# %% [markdown]
# That template brings a text for what is missing. With one of your own, `from_template` renders a missing value as *nothing*. So a
# typo in a name, or a number that was never computed, leaves a hole in the card, and nobody notices. Jinja, the language of these
# templates, can do better: with `undefined=StrictUndefined` a missing value is an error.
#
# ## Exercise 1 · `render_card`
#
# `render_card(ctx: dict) -> str` gives the whole card: the template `templates/model_card.md.j2`, filled in from `ctx`. Read the
# template first; this is all that it takes from `ctx`:

# %%
template_text = Path("templates/model_card.md.j2").read_text(encoding="utf-8")
wanted = sorted(set(re.findall(r"\{\{[^}]*?\b([a-z]\w*(?:\.\w+)*)(?=[)\[]| [|}])", template_text)))
print("the template asks for:", ", ".join(wanted))

example = {
    "model_name": "example-lora",
    "repo_id": "ada/example-lora",
    "author": "Ada Example",
    "contact": "ada@example.org",
    "summary": "An example of a card.",
    "base_model": "somebody/some-base",
    "base_license": "apache-2.0",
    "training_data": "Two notes, both invented.",
    "hardware": "a laptop",
    "out_of_scope": "To be written in exercise 2.",
    "licence_note": "To be written in exercise 2.",
    "adapter": {"r": 4, "lora_alpha": 8, "lora_dropout": 0.0, "target_modules": ["q_proj", "v_proj"]},
    "training": {"steps": 10, "tokens": 10240, "learning_rate": 0.001, "first_loss": 3.2, "last_loss": 2.9},
    "metrics": {
        "base": {"token_ppl": 24.5, "bpb": 1.31, "n_tokens": 5000, "n_bytes": 20000},
        "tuned": {"token_ppl": 18.25, "bpb": 1.19, "n_tokens": 5000, "n_bytes": 20000},
        "n_docs": 12,
        "ratio": 0.745,
        "bootstrap_ci": [0.71, 0.78],
        "general_text": {"ratio": 1.04},
        "eval_config_sha": "0123abcd",
    },
}

# %% [markdown]
# And `card_data`: the YAML block on top, which the Hub reads to know what this is. It is not in `ctx`; build it with
# `ModelCardData(…)` and pass its `.to_yaml()`. Don't write YAML yourself: a name with a colon in it breaks it.
#
# | field | value |
# |---|---|
# | `license` | `cc-by-sa-4.0`, always: the licence of the data (Open-Patients, and the course's own notes) asks for it |
# | `base_model`, `base_model_relation` | `ctx["base_model"]`, `adapter` |
# | `datasets` | `["ncbi/Open-Patients"]` |
# | `library_name`, `pipeline_tag`, `language` | `peft`, `text-generation`, `en` |
# | `tags` | `lora`, `unsloth`, `medical`, `continued-pretraining`; more if you like |
# | `model_name` | `ctx["model_name"]` |
# | `eval_results` | two `EvalResult`s of the **tuned** model: `metric_type="perplexity"` (`token_ppl`) and `"bits_per_byte"` (`bpb`), both with `task_type="text-generation"`, `dataset_type="ncbi/Open-Patients"`, `dataset_name="Open-Patients"` |
#
# Three promises. Every value of `ctx` is in the card **as it is** (an `&` stays an `&`, and what looks like a template in a value stays
# text). **A missing value is an error**, whichever it is and however deep: `ctx["training"]["steps"]` as well as `ctx["author"]`; which
# exception is up to you. And the result can be read back with `ModelCard(text)`.
#
# (`SandboxedEnvironment` is Jinja for templates that somebody else wrote: it keeps them from running code. Make it a habit.)


# %% exercise="render_card"
def render_card(ctx: dict) -> str:
    """The model card: YAML metadata and the template's text, filled in from `ctx`."""
    ### BEGIN SOLUTION
    tuned = ctx["metrics"]["tuned"]
    results = [
        EvalResult(
            task_type="text-generation",
            dataset_type="ncbi/Open-Patients",
            dataset_name="Open-Patients",
            metric_type=metric,
            metric_value=value,
        )
        for metric, value in [("perplexity", tuned["token_ppl"]), ("bits_per_byte", tuned["bpb"])]
    ]
    card_data = ModelCardData(
        model_name=ctx["model_name"],
        license="cc-by-sa-4.0",
        base_model=ctx["base_model"],
        base_model_relation="adapter",
        datasets=["ncbi/Open-Patients"],
        library_name="peft",
        pipeline_tag="text-generation",
        language="en",
        tags=["lora", "unsloth", "medical", "continued-pretraining"],
        eval_results=results,
    )
    environment = SandboxedEnvironment(undefined=StrictUndefined)
    template = environment.from_string(Path("templates/model_card.md.j2").read_text(encoding="utf-8"))
    return template.render(ctx, card_data=card_data.to_yaml())
    ### END SOLUTION


# %% tags=["try"]
text = render_card(example)
print("\n".join(text.splitlines()[:45]))
card = ModelCard(text)
print("…\n\nread back:", card.data.license, card.data.base_model, [(r.metric_type, r.metric_value) for r in card.data.eval_results])
without_author = {key: value for key, value in example.items() if key != "author"}
try:
    render_card(without_author)
    print("no author, no error ✗")
except Exception as error:
    print("no author:", repr(error), "✓")

# %% [markdown]
# ## Exercise 2 · `card`
#
# Now your own. Build `ctx` and write `render_card(ctx)` to `out/lab7/README.md`. Numbers come from files, never from your fingers:
#
# | in `ctx` | comes from |
# |---|---|
# | `base_model` | `profile.base_model_id`: the name under which *others* find the base. `adapter_config.json` may hold a path of your machine |
# | `base_license` | `"apache-2.0"`: so is every base in `train/config.json` (Llama 2, say, would bring terms of its own) |
# | `adapter` | `INPUTS / "lab4/adapter/adapter_config.json"`, as it is |
# | `training` | `INPUTS / "lab4/log.jsonl"`: `steps` (number of lines), `learning_rate` (the highest), `first_loss`, `last_loss`; and `tokens`: steps × `per_device_train_batch_size` × `gradient_accumulation_steps` (both in `profile.train`) × `profile.block_size` |
# | `metrics` | `INPUTS / "lab6/metrics.json"`, as it is |
# | `model_name`, `repo_id`, `author`, `contact`, `summary`, `training_data`, `hardware` | you: a sentence or two where a sentence is wanted. On `training_data`, be exact: were these the notes that come with the course, which are invented, or rows of Open-Patients? |
# | `out_of_scope`, `licence_note` | you, see below |
#
# **`out_of_scope`** is the most important text of the card. Say in it that the model is *for research and education*, and that it is *not*
# for clinical use, diagnosis or treatment. Say it plainly: every sentence there that speaks of clinical use, diagnosis or treatment has its
# own *not*, *never*, *no* or *prohibited*. No sentence anywhere in the card may recommend the opposite.
#
# **`licence_note`** is what CC BY-SA 4.0 asks of you. Five things, in words of your own:
#
# 1. the licence of this adapter, CC BY-SA 4.0, with its address <https://creativecommons.org/licenses/by-sa/4.0/>;
# 2. the data that it was made from or modelled on, `ncbi/Open-Patients`, with its address <https://huggingface.co/datasets/ncbi/Open-Patients>;
# 3. that it was *changed*, and how (cleaned, split, packed, trained on …);
# 4. that whoever passes it on, or something made of it, *must* do so under the *same licence*;
# 5. the base model by name, and its licence.

# %% exercise="card" files=["out/lab7/README.md"]
### BEGIN SOLUTION
log = [json.loads(line) for line in (INPUTS / "lab4/log.jsonl").read_text().splitlines() if line.strip()]
batch = profile.train["per_device_train_batch_size"] * profile.train["gradient_accumulation_steps"]
ctx = {
    "model_name": "open-patients-lora",
    "repo_id": "dragon-trainer/open-patients-lora",
    "author": "Dragon Trainer contributors",
    "contact": "Open an issue in the repository of the course, Dragon Trainer.",
    "summary": f"A LoRA adapter that continues the pretraining of `{profile.base_model_id}` on patient descriptions. It was made by the "
    "reference solutions of the course Dragon Trainer, to be compared with what students make.",
    "base_model": profile.base_model_id,
    "base_license": "apache-2.0",
    "training_data": "The training split of the course's data: patient descriptions in the schema of "
    "[ncbi/Open-Patients](https://huggingface.co/datasets/ncbi/Open-Patients). What the course brings along is a sample of fictional "
    "descriptions written for it, with no patient behind them; the same notebooks take rows of the data set itself.",
    "hardware": "CPU only" if profile.dtype == "float32" else "one NVIDIA GPU",
    "out_of_scope": "This adapter is for research and education. It must not be used for diagnosis, treatment or any other clinical "
    "purpose, and nothing that it writes is medical advice. It has never been tested for safety.",
    "licence_note": "This adapter is licensed under [CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/). It was made from notes "
    "in the form of [ncbi/Open-Patients](https://huggingface.co/datasets/ncbi/Open-Patients) (CC BY-SA 4.0), which credits its own sources; "
    "which notes, the section on training data says. Changes were made: notes were cleaned, freed of copies, split and packed, and a model "
    "was trained on them.\n\nWhoever shares this adapter, or "
    "something made of it, must do so under the same licence, say what they changed, and credit the above. The base model "
    f"`{profile.base_model_id}` is under Apache-2.0, which stays with it.",
    "adapter": json.loads((adapter_folder / "adapter_config.json").read_text()),
    "training": {
        "steps": len(log),
        "tokens": len(log) * batch * profile.block_size,
        "learning_rate": max(entry["learning_rate"] for entry in log),
        "first_loss": log[0]["loss"],
        "last_loss": log[-1]["loss"],
    },
    "metrics": json.loads((INPUTS / "lab6/metrics.json").read_text()),
}
(OUT / "README.md").write_text(render_card(ctx), encoding="utf-8")
### END SOLUTION

# %% tags=["try"]
display(Markdown(ModelCard.load(OUT / "README.md").text))

# %% [markdown]
# Read it as somebody would who finds it in two years. Is there anything that you would have to ask?
#
# From here on, `card_text` is your card, or a placeholder while there is none.

# %%
card_text = (
    (OUT / "README.md").read_text(encoding="utf-8")
    if (OUT / "README.md").exists()
    else "---\nlicense: cc-by-sa-4.0\n---\n\n# No card yet\n"
)

# %% [markdown]
# ## Exercise 3 · `release`
#
# "Just upload the folder." Look at what lies in a folder after a training:

# %%
messy = {
    "adapter_model.safetensors": 9.8, "adapter_config.json": 0.01, "README.md": 0.01, "optimizer.pt": 19.7, "scheduler.pt": 0.01, "rng_state.pth": 0.02,
    "training_args.bin": 0.01, "checkpoint-20/adapter_model.safetensors": 9.8, "model.safetensors": 269.1, "train_notes.jsonl": 1.9, ".env": 0.01,
}  # fmt: skip
fig, ax = plt.subplots(figsize=(7, 3))
needed = [name in ("adapter_model.safetensors", "adapter_config.json") for name in messy]
ax.barh(list(messy), list(messy.values()), color=["tab:green" if is_needed else "tab:red" for is_needed in needed])
ax.set(xscale="log", xlabel="MB", title="Two of these files are needed. One of the others holds your password")
ax.invert_yaxis()
plt.show()

# %% [markdown]
# The optimizer's state doubles the size and helps nobody. The base has its own licence and its own home. Notes of real patients are
# theirs. And what was once in a public repository stays in its history. A list of what must *not* go out is never complete; so release by **whitelist**.
#
# `make_release(adapter: Path, card: str, base_model: str, folder: Path) -> None` makes `folder` hold **exactly four files**, and none of
# what may have been in it before:
#
# - `adapter_model.safetensors`, copied from the folder `adapter` byte for byte. (`adapter` itself stays as it is.)
# - `adapter_config.json` from there, with `base_model_name_or_path` set to `base_model`. Often it holds a path, like `/home/ada/base`: that
#   means nothing on another machine, and tells others about yours. All other settings stay.
# - `README.md`: the text `card`. (Not the one that may lie in `adapter`.)
# - `SHA256SUMS`: a line `<sha256 in hex>␣␣<name>` for each of the other three. It is the format of `sha256sum`, so anybody can check a
#   download with `sha256sum -c SHA256SUMS`. `hashlib.sha256(data).hexdigest()` gives the hash.
#
# `adapter` may hold anything else, sub-folders too; `folder` may exist or not, and is never inside `adapter`.


# %% exercise="release" defines=["make_release"] files=["out/lab7/release/README.md", "out/lab7/release/adapter_config.json", "out/lab7/release/SHA256SUMS"]
def make_release(adapter: Path, card: str, base_model: str, folder: Path) -> None:
    """Make `folder` a release of the adapter: weights, config, card and hashes, and nothing else."""
    ### BEGIN SOLUTION
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(adapter / "adapter_model.safetensors", folder / "adapter_model.safetensors")
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base_model
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    (folder / "README.md").write_text(card, encoding="utf-8")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
    ### END SOLUTION


make_release(adapter_folder, card_text, profile.base_model_id, OUT / "release")

# %% tags=["try"]
# A folder with everything in it that should stay at home, and an old release in the way.
with tempfile.TemporaryDirectory() as scratch:
    source, target = Path(scratch, "outputs"), Path(scratch, "release")
    shutil.copytree(adapter_folder, source)
    for name in messy:
        if not (source / name).exists():
            (source / name).parent.mkdir(exist_ok=True)
            (source / name).write_text("not for others")
    target.mkdir()
    (target / "old_weights.safetensors").write_text("from last week")
    make_release(source, card_text, profile.base_model_id, target)
    print(sorted(str(path.relative_to(target)) for path in target.rglob("*")))

print((OUT / "release/SHA256SUMS").read_text())
print(json.loads((OUT / "release/adapter_config.json").read_text())["base_model_name_or_path"])

# %%
# Your system's own tool agrees (Linux and Colab; a Mac has `shasum -a 256 -c`, Windows none, and the end of this lab does it in Python).
# !cd out/lab7/release && sha256sum -c SHA256SUMS

# %% [markdown]
# ## Exercise 4 · `publish`
#
# On the Hub you would need an account and a token. Here a small server **on this machine** speaks the Hub's protocol, and the real
# `huggingface_hub` client talks to it. Call it a *rehearsal*: it shows that your push works, not that huggingface.co would like what is in
# it. (`utils/hub_rehearsal.py`, if you want to see how little a Hub needs.)

# %%
hub = RehearsalHub(user="student")
api = hub.api()  # an HfApi with a token that may write
print(type(api), "for", api.endpoint, "as", api.whoami()["name"])

# %% [markdown]
# `publish(api: HfApi, folder: Path, repo_id: str) -> str` puts the files of `folder` into the model repository `repo_id`, and returns the
# **id of the commit** (40 hex digits, `CommitInfo.oid`): with it, others can get exactly this version.
#
# - A repository that doesn't exist yet is made **private**. Look at it on the Hub, then make it public by hand.
# - All files go up in **one commit**, so that nobody ever gets half a release.
# - **Doing it again does no harm**: the repository exists then, and that is no error. If nothing changed, nothing changes there; if something
#   did, a new commit comes on top of the old ones. A repository that you made public by hand stays public.
# - If the Hub answers **401** (token not known) or **403** (token may not write there), at whichever step, raise a `PermissionError` whose text
#   names `repo_id` and says what to do. It must not hold the token. Every *other* error goes on as it is: never say "done" when it isn't.
#
# Use the `api` that you are given. Useful: `api.create_repo`, `api.upload_folder`, `HfHubHTTPError`, `error.response.status_code`. (The card
# goes up as one of the files. `ModelCard.validate` and `ModelCard.push_to_hub` talk to huggingface.co, whatever `api` says.)


# %% exercise="publish"
def publish(api: HfApi, folder: Path, repo_id: str) -> str:
    """Push the files of `folder` to `repo_id`, private if new; the id of the commit that holds them."""
    ### BEGIN SOLUTION
    try:
        api.create_repo(repo_id, private=True, exist_ok=True)
        commit = api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message="Release")
    except HfHubHTTPError as error:
        if error.response.status_code in (401, 403):
            raise PermissionError(
                f"The Hub does not let this token write to {repo_id}. Make one with write access to that account, and log in with it."
            ) from error
        raise
    return commit.oid
    ### END SOLUTION


# %% tags=["try"]
repo_id = "student/open-patients-lora"
for attempt in (1, 2):
    print(f"push {attempt}:", publish(api, OUT / "release", repo_id))
repository = hub.repositories[repo_id]
print("private:", repository.private, "· commits:", [commit.message for commit in repository.commits])
print({name: len(data) for name, data in repository.files.items()})
for role, name in [("unknown", repo_id), ("read", repo_id), ("write", "somebody-else/model")]:
    try:
        publish(hub.api(role), OUT / "release", name)
        print(f"a {role} token, {name}: no error ✗")
    except PermissionError as error:
        print(f"a {role} token, {name}: {error}")

# %% [markdown]
# ## The other side
#
# Somebody gets your release, by its commit, and checks it. This is the whole point of a reproducible release:

# %%
if repo_id in hub.repositories:
    commit_id = hub.repositories[repo_id].commits[-1].oid
    download = Path(hub.api().snapshot_download(repo_id, revision=commit_id, local_dir=OUT / "downloaded"))
    for line in (download / "SHA256SUMS").read_text().splitlines():
        digest, name = line.replace("*", " ").split(maxsplit=1)
        print("✓" if hashlib.sha256((download / name).read_bytes()).hexdigest() == digest else "✗", name)
    print("base:", json.loads((download / "adapter_config.json").read_text())["base_model_name_or_path"], "· commit:", commit_id)
hub.close()

# %% [markdown]
# **For real**: `hf auth login` in a terminal, then `publish(HfApi(), OUT / "release", "your-name/your-model")` in a new notebook. It is
# the same function.
#
# ## To talk about
#
# - Is a model an *adapted work* of what it was trained on? Nobody knows for certain. The course's rule is to license as if it were. What
#   would change for you, and for others, if it were not?
# - Most of Open-Patients comes from PMC-Patients. Open-Patients' licence file calls it CC BY-SA; its own page on the Hub says CC BY-**NC**-SA. Whom
#   would you ask before you sell something built on it?
# - A disclaimer keeps nobody from misuse. What else could you do, as the one who decides what is released?
# - You find your token in a file that you pushed yesterday. Deleting the file is a new commit; the old one is still there. What do you
#   do first?
#
# That was the course. You began with a base model that you only looked at, and end with one that you changed, measured, and can answer for.
