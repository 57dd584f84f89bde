"""Lab 7, release: model card, licence, whitelist, push. 12 points."""

import math
import re
from typing import Any

from grader import check, expect
from grader.card import (
    Card,
    asks_for_the_same_licence,
    evaluations,
    names_its_purpose,
    number,
    parse_card,
    permits_clinical_use,
    promises_clinical_use,
    sentences,
    speaks_of_clinical_use,
    tables,
)
from grader.errors import CheckFailed, Rejected
from grader.strict import parse_json, plain

FIXED = {
    "license": "cc-by-sa-4.0",
    "base_model_relation": "adapter",
    "library_name": "peft",
    "pipeline_tag": "text-generation",
    "language": "en",
    "datasets": "ncbi/Open-Patients",
}
TAGS = {"lora", "unsloth", "medical", "continued-pretraining"}
RELEASE = {"README.md", "adapter_config.json", "adapter_model.safetensors", "SHA256SUMS"}
CHANGED = re.compile(
    r"\bchang(?:e|es|ed|ing)\b|\b(?:modified|modifications?|altered|edited|cleaned|filtered|deduplicated|(?:pre-?)?processed|transformed|"
    r"normali[sz]ed|tokeni[sz]ed|split|packed|removed)\b|\b(?:I|we|was|were|been|have|has) (?:\w+ )?adapted\b",
    re.IGNORECASE,
)
UNCHANGED = re.compile(
    r"\b(?:no|not|without|never)\b(?: (?!only\b|just\b)\w+)? (?:chang|modif|alter|edit|clean|filter|process|preprocess|transform|adapt|split|remov)|"
    r"\bunchanged\b|\bunmodified\b|\bunprocessed\b",
    re.IGNORECASE,
)
ROUNDING = 0.005
"""Relative. The card shows at least three digits of a number: a value that was rounded to what it shows is off by 0.5 % at most."""


def read(text: Any, name: str) -> Card:
    """A card that the student's code wrote. CheckFailed where it cannot be read."""
    expect(isinstance(text, str), f"{name} is no text.")
    try:
        return parse_card(text, name)
    except Rejected as error:
        raise CheckFailed(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None


def results(card: Card) -> dict[str, float]:
    try:
        return evaluations(card.metadata)
    except Rejected as error:
        raise CheckFailed(f"{error}.") from None


def single(value: Any) -> Any:
    """A list of one counts as the one: YAML for the Hub may say it either way."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def is_near(found: Any, wanted: Any) -> bool:
    return math.isclose(number(found), number(wanted), rel_tol=ROUNDING)


def expect_metadata(card: Card, base_model: str) -> None:
    """The fields of the table in exercise 1."""
    for field, wanted in FIXED.items():
        found = single(card.metadata.get(field))
        said = f"have `{field}: {plain(str(found), 40)}`" if found else f"have no `{field}`"
        expect(found == wanted, f"The metadata {said}; the table in exercise 1 asks for `{wanted}`. Pass it to `ModelCardData`.")
    found = single(card.metadata.get("base_model"))
    expect(found == base_model, "`base_model` in the metadata is missing or not `ctx['base_model']`. Pass it to `ModelCardData`.")
    tags = card.metadata.get("tags")
    missing = TAGS - set(map(str, tags if isinstance(tags, list) else []))
    expect(not missing, f"The metadata lack the tags {', '.join(sorted(missing))}.")


def expect_results(card: Card, tuned: dict[str, Any]) -> None:
    found = results(card)
    for metric, key in (("perplexity", "token_ppl"), ("bits_per_byte", "bpb")):
        expect(
            is_near(found.get(metric), tuned[key]),
            f"In `model-index`, `{metric}` is {'not' if metric in found else 'missing: it has to be'} the tuned model's `{key}` of `ctx['metrics']`.",
        )


# Exercise 1: render_card


@check("render_card", points=1)
def test_the_card_shows_every_value(student, reference):
    """The template is filled in, and every value stands in the card as it is"""
    given = student.probe("card_rendered")
    card = read(given.get("text"), "the card of `render_card`")
    missing = read(reference.probe("card_rendered")["text"], "the card").sections.keys() - card.sections.keys() - {given.get("name")}
    expect(not missing, f"{len(missing)} sections of the template are missing. Render all of templates/model_card.md.j2.")
    for key, value in reference.probe("card_rendered")["verbatim"].items():
        expect(
            value in card.body,
            f"`{key}` does not stand in the card as it was given. Render once, with autoescape off: `&` stays `&`, and braces in a value stay text.",
        )
    still = sorted(path for path, is_changed in student.probe("card_varied").items() if is_changed is not True)
    expect(not still, f"The card stays the same when {', '.join(still[:3])} of `ctx` changes. Take it from `ctx`, don't write it down.")


@check("render_card", points=1, after="test_the_card_shows_every_value")
def test_a_missing_value_is_an_error(student):
    """A missing value is an error, however deep"""
    silent = [path for path, is_error in student.probe("card_lacking").items() if is_error is not True]
    expect(
        not silent,
        f"Without {', '.join(silent[:3])} in `ctx`, `render_card` made a card all the same ({len(silent)} such values). "
        "Use `undefined=StrictUndefined`, and no default values.",
    )


@check("render_card", points=1)
def test_the_card_has_its_metadata(student, reference):
    """The metadata say what it is: licence, base, data set, tags"""
    card = read(student.probe("card_rendered").get("text"), "the card of `render_card`")
    base_model = read(reference.probe("card_rendered")["text"], "the card").metadata["base_model"]
    expect_metadata(card, base_model)


@check("render_card", points=1)
def test_the_card_has_its_results(student, reference):
    """`model-index` holds the tuned model's numbers"""
    card = read(student.probe("card_rendered").get("text"), "the card of `render_card`")
    given = reference.probe("card_rendered")
    expect_results(card, given["tuned"])
    names = [model.get("name") for model in card.metadata["model-index"]]
    expect(
        names == [given["name"]],
        "`model-index` does not have the name of the model. Pass `model_name=ctx['model_name']` to `ModelCardData`.",
    )


# Exercise 2: README.md


def own_card(student: Any) -> Card:
    return read(student.text("out/lab7/README.md"), "out/lab7/README.md")


def section(card: Card, title: str) -> str:
    text = card.sections.get(title.casefold(), "")
    expect(text, f"README.md has no section “{title}”, or nothing in it. Write what `render_card(ctx)` gives to the file.")
    return text


@check("card", points=0.5, after="test_the_card_has_its_metadata")
def test_the_readme_has_its_metadata(student, reference):
    """README.md has the metadata of exercise 1, and the base of your adapter"""
    card = own_card(student)
    found, wanted = single(card.metadata.get("base_model")), reference.probe("inputs_given")["base_model"]
    expect(
        found == wanted,
        f"`base_model: {plain(str(found), 60)}` is not the name under which others find the base. Use `profile.base_model_id`.",
    )
    expect_metadata(card, wanted)


@check("card", points=0.5, public=True)
def test_the_readme_has_no_holes(student):
    """README.md is complete, and holds nothing that is private"""
    text = student.text("out/lab7/README.md")
    card = own_card(student)
    expect(len(card.sections) >= 12, f"README.md has {len(card.sections)} sections. Write what `render_card(ctx)` gives to the file.")
    hole = re.search(
        r"more information needed|\bTODO\b|\bTBD\b|\bFIXME\b|\{\{\s*[a-z_.]+\s*[|}]|\{%|\blorem ipsum\b|to be written in exercise",
        text,
        re.IGNORECASE,
    )
    expect(not hole, f"README.md still has a placeholder: “{hole and hole[0]}”. Fill it in, or take it out.")
    empty = [
        title
        for title, value in {**card.sections, **{row: "".join(cells) for row, cells in tables(card).items()}}.items()
        if value.strip() == "None"
    ]
    expect(not empty, f"README.md says None for {', '.join(empty[:3])}. Put the real value into `ctx`.")
    expect(not re.search(r"hf_[A-Za-z0-9]{20,}", text), "README.md holds what looks like an access token. Take it out, and revoke it.")
    path = re.search(r"(?<![\w/.:)])/(?:home|work|content|root|Users|mnt|tmp|kaggle)/\S+|\b[A-Z]:\\\w", text)
    expect(not path, f"README.md holds a path of your machine, “{path and path[0][:40]}”. Say what others can find.")


@check("card", points=1, after=("test_the_card_has_its_results", "test_the_readme_has_no_holes"))
def test_the_readme_has_the_numbers(student, reference):
    """The numbers are those of the adapter, its training and its evaluation"""
    card = own_card(student)
    given = reference.probe("inputs_given")
    expect_results(card, given["metrics"]["tuned"])
    rows = tables(card)
    for name, wanted in tables(read(reference.text("out/lab7/README.md"), "the card")).items():
        if any(math.isnan(as_number(cell)) for cell in wanted):
            continue
        cells = rows.get(name, [])
        expect(
            len(cells) == len(wanted)
            and all(is_near(as_number(cell), as_number(other)) for cell, other in zip(cells, wanted, strict=True)),
            f"“{name}” is {plain(' and '.join(cells), 60) or 'missing'}. Take it from the file that exercise 2 names for it, and compute it as said there.",
        )
    wanted = set(given["config"]["target_modules"])
    cells = rows.get("Adapted modules") or [""]
    expect(set(re.findall(r"\w+", cells[0])) == wanted, "“Adapted modules” are not those of adapter_config.json.")
    config = given["metrics"]["eval_config_sha"]
    expect(
        config in section(card, "Evaluation"), "“Evaluation” does not name the `eval_config_sha` of metrics.json. Pass `metrics` as it is."
    )


def as_number(cell: str) -> float:
    try:
        return float(cell.replace(",", "").replace("`", ""))
    except ValueError:
        return math.nan


@check("card", points=0.5, public=True)
def test_clinical_use_is_ruled_out(student):
    """“Out-of-Scope Use” rules out clinical use, and says what the model is for"""
    card = own_card(student)
    said = [s for s in sentences(section(card, "Out-of-Scope Use")) if speaks_of_clinical_use(s)]
    expect(said, "“Out-of-Scope Use” does not speak of clinical use, diagnosis or treatment. Say that the model is not for them.")
    for sentence in said:
        expect(
            not permits_clinical_use(sentence),
            f"“{sentence[:120]}” does not plainly rule out clinical use. Give each sentence that speaks of clinical use, diagnosis or "
            "treatment its own not, never or no.",
        )
    expect(
        names_its_purpose(section(card, "Out-of-Scope Use")),
        "“Out-of-Scope Use” does not say that the model is for research and education. Name both.",
    )
    for sentence in sentences(card.body):
        expect(
            not promises_clinical_use(sentence),
            f"“{sentence[:120]}” reads as if clinical use were fine. It contradicts the section on scope.",
        )


@check("card", points=0.5, public=True)
def test_the_licence_is_passed_on(student):
    """“Licence and Attribution” says what CC BY-SA 4.0 asks for"""
    card = own_card(student)
    text = section(card, "Licence and Attribution")
    expect(
        re.search(r"CC[ -]BY-SA[ -]4\.0|Attribution[ -–]Share ?-?Alike 4\.0", text, re.IGNORECASE),
        "The section does not name the licence CC BY-SA 4.0.",
    )
    expect(
        re.search(r"creativecommons\.org/licenses/by-sa/4\.0", text),
        "The section does not link to the licence: https://creativecommons.org/licenses/by-sa/4.0/",
    )
    expect("ncbi/open-patients" in text.casefold(), "The section does not credit the data set ncbi/Open-Patients.")
    expect(
        re.search(r"huggingface\.co/datasets/ncbi/Open-Patients", text, re.IGNORECASE),
        "The section does not link to the data set: https://huggingface.co/datasets/ncbi/Open-Patients",
    )
    expect(
        any(CHANGED.search(s) and not UNCHANGED.search(s) for s in sentences(text)),
        "The section does not say that the data was changed, and how.",
    )
    expect(
        asks_for_the_same_licence(text),
        "The section does not say that whoever passes it on, or what they made of it, must do so under the same licence (share-alike).",
    )
    base_model = single(card.metadata.get("base_model") or "")  # that it is missing is another check's
    expect(
        str(base_model).rpartition("/")[2].casefold() in text.casefold() and re.search(r"\bapache\b", text, re.IGNORECASE),
        "The section does not name the base model and its own licence (`base_model` and `base_license` in `ctx`), which goes with it.",
    )


# Exercise 3: release


def releases(student: Any) -> dict[str, dict[str, Any]]:
    """What `make_release` left, by occasion."""
    given = student.probe("release_made")
    made = given.get("made") if isinstance(given, dict) else None
    expect(isinstance(made, dict), "`make_release` left nothing.")
    return {occasion: release for occasion, release in made.items() if isinstance(release, dict)}


@check("release", points=1)
def test_a_release_is_those_four_files(student, reference):
    """Exactly four files go out, whatever lies around, and the adapter stays as it was"""
    wanted = reference.probe("release_made")
    for occasion, release in releases(student).items():
        found = release.get("files", {})
        missing, extra = sorted(RELEASE - found.keys()), sorted(found.keys() - RELEASE)
        expect(not missing, f"A release made {occasion} lacks {', '.join(missing)}.")
        expect(
            not extra,
            f"A release made {occasion} also holds {', '.join(extra[:3])}. Empty the folder, then copy by name what is on the list, and nothing else.",
        )
        links = [name for name, what in found.items() if what in ("a link", "a folder")]
        expect(not links, f"{', '.join(links)} is {found[links[0]] if links else ''}, not a file. Copy it.")
    expect(
        student.probe("release_made").get("source_same") is True,
        "The folder `adapter` was changed. Copy from it; don't move, and don't write into it.",
    )
    for release in releases(student).values():
        expect(
            release["files"]["adapter_model.safetensors"] == wanted["weights"],
            "adapter_model.safetensors in the release is not the file in `adapter`, byte for byte. Copy that one, not one of a checkpoint.",
        )
        card = release.get("texts", {}).get("README.md", "")
        expect(
            parse_or_text(card) == parse_or_text(wanted["card"]),
            "README.md in the release is not the text `card`. Write it in UTF-8, and don't copy the README that lies in `adapter`.",
        )


def parse_or_text(text: Any) -> Any:
    """What a card says, however its YAML is laid out."""
    try:
        card = parse_card(str(text))
    except Rejected:
        return str(text).strip()
    return card.metadata, card.body.strip()


@check("release", points=0.5, after="test_a_release_is_those_four_files")
def test_the_release_names_its_base(student, reference):
    """`adapter_config.json` names the base for others, and keeps its other settings"""
    config = reference.probe("release_made")["config"]
    for release in releases(student).values():
        expect_config(release["texts"].get("adapter_config.json", ""), config, "some-lab/base-1b")
    given = reference.probe("inputs_given")
    expect_config(student.text("out/lab7/release/adapter_config.json"), given["config"], given["base_model"])


def expect_config(text: str, before: dict[str, Any], base_model: str) -> None:
    try:
        found = parse_json(text.encode(), "adapter_config.json", max_bytes=1 << 16, max_depth=6)
    except Rejected as error:
        raise CheckFailed(f"{error}.") from None
    expect(isinstance(found, dict), "adapter_config.json in the release is not an object.")
    expect(
        found.get("base_model_name_or_path") == base_model,
        "`base_model_name_or_path` in the release is not the argument `base_model`. Set it, and write the config into the release.",
    )
    for key in ("peft_type", "task_type", "r", "lora_alpha", "lora_dropout", "bias", "use_rslora", "target_modules"):
        values = [sorted(v) if isinstance(v, list) else v for v in (found.get(key), before.get(key))]
        expect(values[0] == values[1], f"`{key}` of adapter_config.json is another in the release. Change the base's name only.")


@check("release", points=0.5, after="test_a_release_is_those_four_files")
def test_the_hashes_are_right(student, reference):
    """`SHA256SUMS` fits the files, in your release too"""
    own = student.probe("release_found")
    expect(isinstance(own, dict), "There is no folder out/lab7/release. Call `make_release` for your own adapter.")
    expect(
        set(own["files"]) == RELEASE, f"out/lab7/release holds {', '.join(sorted(own['files'])[:6]) or 'nothing'}; expected the four files."
    )
    expect(
        own["files"]["adapter_model.safetensors"] == reference.probe("inputs_given")["weights"],
        "The weights in out/lab7/release are not those of Lab 4's adapter.",
    )
    for release in [*releases(student).values(), own]:
        lines = release.get("texts", {}).get("SHA256SUMS", "").splitlines()
        matches = [re.fullmatch(r"([0-9a-fA-F]{64})(?: [ *]|\t)(?:\./)?(\S+)", line) for line in lines if line.strip()]
        expect(all(matches), "A line of SHA256SUMS is not `<64 hex digits>  <name>`, with two spaces between, as `sha256sum` writes it.")
        listed = {match[2]: match[1].lower() for match in matches if match}
        expect(
            listed.keys() == RELEASE - {"SHA256SUMS"},
            f"SHA256SUMS lists {plain(', '.join(sorted(listed)), 120) or 'nothing'}; expected the other three files by their names, without a folder.",
        )
        wrong = [name for name, digest in listed.items() if release["files"].get(name) != digest]
        expect(not wrong, f"The hash of {', '.join(wrong)} in SHA256SUMS is not that of the file. Hash the bytes of the file as released.")


# Exercise 4: publish


@check("publish", points=1)
def test_a_first_push_is_private_and_whole(student):
    """A first push makes a private repository with all files, in one commit"""
    given = student.probe("published_once")
    state = given.get("state")
    expect(
        state,
        "After `publish`, the repository `repo_id` was not on the server. Create it with `api.create_repo`, on the `api` that you are given.",
    )
    expect(state["private"] is True, "The new repository is public. Pass `private=True` when you create it.")
    expect_files(state, given["folder"])
    expect(
        len(state["commits"]) == 2,  # the first is the server's own, with .gitattributes
        f"The files came in {len(state['commits']) - 1} commits. Push them in one: `api.upload_folder`.",
    )
    expect(
        given["returned"] == state["commits"][-1],
        "`publish` did not return the id of the commit. It is `.oid` of what `upload_folder` returns.",
    )
    expect(not given.get("others"), "`publish` made another repository too. Use `repo_id` as it is.")


def expect_files(state: dict[str, Any], folder: dict[str, str]) -> None:
    missing = sorted(name for name, digest in folder.items() if state["files"].get(name) != digest)
    expect(not missing, f"{', '.join(missing)} on the server is missing or not the file in `folder`.")
    extra = sorted(state["files"].keys() - folder.keys())
    expect(not extra, f"The server also holds {', '.join(extra[:3])}. Upload what is in `folder`, at the top of the repository.")


@check("publish", points=1, after="test_a_first_push_is_private_and_whole")
def test_pushing_again_does_no_harm(student):
    """Pushing again changes what changed, and loses nothing"""
    given = student.probe("published_again")
    first, same, changed = given["steps"]
    for outcome in (*given["steps"], given["older"]):
        expect(
            not outcome["raised"],
            f"Pushing to a repository that exists raised {plain(str(outcome['raised']), 80)}. That is no error: `exist_ok=True`.",
        )
    expect_files(same["state"], same["folder"])
    expect(
        len(same["state"]["commits"]) == len(first["state"]["commits"]),
        "Pushing the same files again made a new commit. `api.upload_folder` leaves out what has not changed.",
    )
    expect(
        same["returned"] == same["state"]["commits"][-1],
        "Pushing the same files again did not return the id of the commit that holds them.",
    )
    expect_files(changed["state"], changed["folder"])
    kept = changed["state"]["commits"][: len(first["state"]["commits"])]
    expect(
        kept == first["state"]["commits"],
        "Earlier commits are gone after pushing again. Don't delete the repository: somebody may cite a commit.",
    )
    expect(len(changed["state"]["commits"]) == len(kept) + 1, "A changed file did not come as one new commit.")
    expect(changed["returned"] == changed["state"]["commits"][-1], "After a change, `publish` did not return the id of the new commit.")
    expect(all(step["state"]["private"] is True for step in given["steps"]), "The repository was no longer private after pushing again.")
    expect(
        given["older"]["state"]["private"] is False,
        "A repository that was public is private after `publish`. Pass `private=True` when you create one, and leave one that exists as it is.",
    )
    expect_files(given["older"]["state"], given["older"]["folder"])


@check("publish", points=1, after="test_a_first_push_is_private_and_whole")
def test_a_refusal_is_said(student):
    """401 and 403 become a PermissionError that helps; other errors stay what they are"""
    given = student.probe("published_refused")
    for case, outcome in given.items():
        expect(outcome["raised"], f"With {case}, nothing was pushed, and `publish` returned as if it were done. Let the error out.")
        expect(outcome["same"] is True, f"With {case}, something changed on the server all the same.")
        if case == "a Hub that breaks down":
            expect(
                not outcome["is_permission"],
                "An error that is not about permission (500) became a PermissionError. Let it go on as it is: `raise`.",
            )
            continue
        expect(
            outcome["is_permission"],
            f"With {case}, `publish` raised {outcome['raised']}. Raise a PermissionError for 401 and 403, whichever call they come from.",
        )
        expect(outcome["token"] is False, "The text of the PermissionError holds the token. Errors end up in logs: leave it out.")
        expect(
            outcome["repo_id"] in outcome["text"] and len(outcome["text"]) > len(outcome["repo_id"]) + 15,
            "The text of the PermissionError does not name `repo_id` and say what to do. It is for somebody who did not write the code.",
        )
