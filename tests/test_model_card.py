"""Model cards: one template, strict reading of what students wrote, and sentences judged by what they say."""

from pathlib import Path

import pytest

from grader import card, own_card
from grader.card import parse_card
from grader.errors import Rejected
from grader.source import ROOT

FRONT = "---\nlicense: cc-by-sa-4.0\n---\n"


def test_the_students_and_our_template_are_one_file() -> None:
    ours, theirs = ROOT / "templates" / "model_card.md.j2", ROOT / "labs" / "templates" / "model_card.md.j2"
    assert not theirs.is_symlink()  # labs/ is complete in itself
    assert ours.read_bytes() == theirs.read_bytes()


# Reading


def test_a_card_is_read_as_metadata_and_sections() -> None:
    found = parse_card(FRONT + "# Title\nfirst\n\n## Out-of-Scope Use ##\nNone.\n```\n# no heading\n```\n| a | b |\n|---|---|\n| r | 8 |\n")
    assert found.metadata == {"license": "cc-by-sa-4.0"}
    assert list(found.sections) == ["title", "out-of-scope use"]
    assert card.tables(found) == {"a": ["b"], "r": ["8"]}


@pytest.mark.parametrize(
    "text",
    [
        "# no metadata",
        "---\nlicense: mit\n",
        "---\n- a\n- list\n---\n",
        "---\na: [1\n---\n",
        "---\na: 1\na: 2\n---\n",
        "---\na: &x [1]\nb: *x\n---\n",
        "---\na: !!python/object/apply:os.system ['true']\n---\n",
        "---\na: !!set {x}\n---\n",
        f"---\na: {'[' * 40}{']' * 40}\n---\n",
        f"---\na: {'x' * 70_000}\n---\n",
        "---\na: 2026-99-99\n---\n",
        "---\n? [a]\n: b\n---\n",
        "---\na: \x00\n---\n",
        "",
    ],
)
def test_what_is_no_plain_card_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(Rejected, match=r"the card"):
        parse_card(text)


def test_deep_nesting_is_refused_before_it_is_built() -> None:
    with pytest.raises(Rejected, match="levels deep"):
        parse_card("---\n" + "a: " + "[" * 30_000 + "\n---\n")


def test_evaluations_are_read_as_the_hub_reads_them() -> None:
    from huggingface_hub import EvalResult, ModelCardData

    result = EvalResult(
        task_type="text-generation",
        dataset_type="ncbi/Open-Patients",
        dataset_name="Open-Patients",
        metric_type="perplexity",
        metric_value=7.5,
    )
    data = ModelCardData(model_name="m", eval_results=[result])
    assert card.evaluations(parse_card(f"---\n{data.to_yaml()}\n---\n").metadata) == {"perplexity": 7.5}


@pytest.mark.parametrize(
    "index", ["", "model-index: 3", "model-index: []", "model-index:\n- name: m\n  results:\n  - task: {type: t}\n    metrics: []"]
)
def test_a_broken_model_index_is_refused(index: str) -> None:
    with pytest.raises(Rejected, match="model-index"):
        card.evaluations(parse_card(f"---\nlicense: mit\n{index}\n---\n").metadata)


@pytest.mark.parametrize("value", [True, "7", None, float("nan"), float("inf"), [7]])
def test_what_is_no_finite_number_is_nan(value: object) -> None:
    assert card.number(value) != card.number(value)


# Judging

RULED_OUT = [
    "Not for clinical use, diagnosis or treatment. For research and education only.",
    "This adapter must never be used for diagnosis, treatment or any other clinical purpose; it is meant for research and educational use.",
    "Do not use the model in any clinical setting: it is for research and teaching.",
    "- Clinical use, diagnosis and treatment are not permitted.\n- Only research and education are.",
    "Out of scope: any clinical use, diagnosis, triage, treatment. It is for educational and research use.",
    "**Not** for:\n\n- diagnosis\n- treatment\n- any clinical decision\n\nIt is for *research* and *education*.",
    "Nothing that it writes may inform diagnosis or treatment; use it for research and education.",
    "For research and education. Don't rely on it for medical advice.",
    "The model isn't a medical device. It was made for research and education, and cannot be used to diagnose or treat patients.",
    "It was made for research and education. Any clinical use (diagnosis, treatment, triage) is prohibited.",
    "We do not endorse, recommend or support any clinical use. Research and education only.",
    "It is not approved, cleared or recommended for clinical use, only for research and education.",
    "It is neither a medical device nor fit for diagnosis or treatment, and serves research and education.",
    "It is not intended for anything other than research and education, and not for clinical use.",
    "Intended for research and education, not for clinical use, diagnosis or treatment of any kind.",
    "Never use it for patients: no diagnosis, no treatment, no clinical decision. It serves education and research.",
    "For research and education. It must not be used clinically. If you are ill, see a doctor for diagnosis and treatment.",
    "It writes texts like clinical notes, for research and education. Treat them as fiction. It is never to be used in patient care.",
    "Under no circumstances should this be used for clinical decision-making, as it was built for educational and research purposes.",
    "No output of this model, however plausible, is medical advice; it is for research and education.",
    "Clinical use, including diagnosis and treatment, is not permitted. For research and education.",
    "Clinical decisions, however small, are not to be based on it. For research and education.",
    "Clinical use is prohibited, and so are diagnosis and treatment. For research and education.",
    "Clinical deployment is not appropriate, and neither is using it for diagnosis. For research and education.",
]
PERMITTED = [
    "Suitable for clinical use.",
    "This model is suitable for clinical use, diagnosis and treatment, and for research and education.",
    "It is not only for research and education but also for clinical use.",
    "It is for clinical use, not for research or education.",
    "There is no doubt that it may be used for diagnosis, research and education.",
    "Not for children; suitable for diagnosis in adults. For research and education.",
    "For use in research, education and clinical practice.",
    "It is never wrong in diagnosis. For research and education.",
    "It is cleared for clinical use without restriction, and for research and education.",
    "Not for animals. Clinical use is fine. Research and education too.",
    "It is not intended for research and education, only for clinical use.",
    "Do not use it for research and education; use it for clinical decisions.",
    "It is not limited to research and education: diagnosis and treatment are welcome.",
    "Not a toy, suitable for clinical use, research and education.",
    "It must be used for diagnosis and treatment, and never for anything but that; research and education are out.",
    "Clinical use is not prohibited. For research and education.",
    "It isn't just for research and education; it can be used for treatment.",
    "For research and education. Never hesitate to use it for diagnosis.",
    "For research and education. There is no reason not to use it for diagnosis.",
    "For research and education. Nothing speaks against clinical use.",
    "For research and education. No clinical use is excluded.",
    "For research and education. No one is prohibited from using it for diagnosis.",
    "For research and education. Clinical use is not out of the question.",
    "For research and education. You should not be afraid to use it for diagnosis.",
    "For research and education. It is not true that clinical use is prohibited.",
    "For research and education. It is not bad at diagnosis.",
    "It is for research and education.",
    "It is not for clinical use.",
    "",
]


def is_disclaimer(text: str) -> bool:
    """What the check on the section "Out-of-Scope Use" asks."""
    said = [s for s in card.sentences(text) if card.speaks_of_clinical_use(s)]
    return bool(said) and not any(map(card.permits_clinical_use, said)) and card.names_its_purpose(text)


@pytest.mark.parametrize("text", RULED_OUT)
def test_a_disclaimer_is_recognised(text: str) -> None:
    assert is_disclaimer(text)


@pytest.mark.parametrize("text", PERMITTED)
def test_what_permits_clinical_use_is_no_disclaimer(text: str) -> None:
    assert not is_disclaimer(text)


@pytest.mark.parametrize("text", RULED_OUT)
def test_a_disclaimer_promises_nothing(text: str) -> None:
    assert not any(card.promises_clinical_use(s) for s in card.sentences(text))


@pytest.mark.parametrize(
    "text",
    [
        "A laptop suffices for clinical use.",
        "You can trust its diagnosis.",
        "Ideal for treatment planning.",
        "Please use this model for diagnosis.",
    ],
)
def test_a_recommendation_is_a_promise_wherever_it_stands(text: str) -> None:
    assert card.promises_clinical_use(text)


def test_the_template_itself_promises_nothing() -> None:
    text = (ROOT / "labs" / "templates" / "model_card.md.j2").read_text()
    assert [s for s in card.sentences(text) if card.promises_clinical_use(s)] == []


@pytest.mark.parametrize(
    "text",
    [
        "What you make of it must be shared under the same licence.",
        "Adapted versions have to carry the same license.",
        "Anyone who makes something of it must release it under the same CC BY-SA 4.0 license.",
        "Everybody who passes it on is obliged to apply the same licence.",
        "If you share it or what you make of it, share alike.",
        "You may share and adapt it, only under the same terms.",
        "CC BY-SA 4.0 requires that adaptations be licensed under CC BY-SA 4.0 as well.",
        "Adaptations must be distributed under the CC BY-SA 4.0.",
        "It may not be passed on other than under this licence, which applies to adaptations as well.",
    ],
)
def test_share_alike_is_recognised(text: str) -> None:
    assert card.asks_for_the_same_licence(text)


@pytest.mark.parametrize(
    "text",
    [
        "Released under the Creative Commons Attribution-ShareAlike 4.0 International licence.",
        "You need not use the same licence for what you make of it.",
        "You must not use the same licence for what you make of it.",
        "You must name us; the same licence is only recommended.",
        "Adaptations do not have to carry the same licence.",
        "Adaptations must name us. You are free to use the same licence or another.",
        "Everybody may do with it what they want.",
        "",
    ],
)
def test_the_name_of_the_licence_or_a_waiver_is_no_share_alike(text: str) -> None:
    assert not card.asks_for_the_same_licence(text)


# Our own card


@pytest.mark.slow
def test_our_card_says_what_the_reference_measures(store: Path) -> None:
    """After a change of Labs 3 to 7, of the data or the base: python -m grader.own_card"""
    assert own_card.out_of_step(own_card.PATH.read_text(encoding="utf-8"), own_card.measured_card(store)) == []


def test_our_card_is_one_that_lab_7_would_pass() -> None:
    found = parse_card(own_card.PATH.read_text(encoding="utf-8"))
    assert found.metadata["license"] == "cc-by-sa-4.0"
    assert is_disclaimer(found.sections["out-of-scope use"])
    assert card.asks_for_the_same_licence(found.sections["licence and attribution"])
    assert set(card.evaluations(found.metadata)) == {"perplexity", "bits_per_byte"}


def test_a_card_is_out_of_step_where_words_or_numbers_differ() -> None:
    wanted = "# A\n| loss | 3.90 |\nfor research"
    assert own_card.out_of_step("# A\n| loss | 3.93 |\nfor research", wanted) == []
    assert own_card.out_of_step("# A\n| loss | 4.20 |\nfor clinics", wanted) == ["| loss | 3.90 |", "for research"]
    assert own_card.out_of_step("# A", wanted)
