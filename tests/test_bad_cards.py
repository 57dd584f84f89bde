"""Lab 7 submissions whose model card attacks who reads it: parsed as text and plain YAML, never rendered, and quoted to nobody."""

import json
from pathlib import Path

import pytest

from tests.classes import Outcome, grade, with_cell

LAB = 7
CARD = "card_path = OUT / 'README.md'\ncard_text = card_path.read_text()\n"
ATTACKS = {
    "script": "card_path.write_text(card_text.replace('## ', '## <script>alert(1)</script>', 1) + '\\n<img src=x onerror=alert(1)>\\n![t](https://tracker.invalid/p.png)\\n[go](javascript:alert(1))\\n')",
    "alias_bomb": "card_path.write_text('---\\na: &a [x, x]\\nb: &b [*a, *a, *a, *a]\\nc: &c [*b, *b, *b, *b]\\nd: [*c, *c, *c, *c]\\n---\\n' + card_text)",
    "python_tag": "card_path.write_text('---\\nlicense: !!python/object/apply:os.system [\"touch /tmp/owned-by-a-card\"]\\n---\\n' + card_text)",
    "deep": "card_path.write_text('---\\na: ' + '[' * 5000 + ']' * 5000 + '\\n---\\n' + card_text)",
    "large": "card_path.write_text(card_text + 'not for clinical use, ' * 2_000_000)",
    "not_text": "card_path.write_bytes(bytes(range(256)))",
}  # fmt: skip


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Outcome:
    notebooks: dict[str, str | bytes] = {name: with_cell(LAB, CARD + source, after="card") for name, source in ATTACKS.items()}
    return grade(tmp_path_factory.mktemp("cards"), LAB, notebooks, store)


def test_every_attacker_has_a_graded_result(graded: Outcome) -> None:
    assert {n: r["status"] for n, r in graded.results.items()} == dict.fromkeys(ATTACKS, "graded"), graded.output


def test_no_markup_of_a_card_is_in_what_anyone_is_given(graded: Outcome) -> None:
    text = json.dumps(graded.results) + graded.output
    assert "<script>" not in text and "onerror" not in text and "javascript:" not in text and "tracker.invalid" not in text


@pytest.mark.parametrize(
    ("student", "sentence"),
    [
        ("alias_bomb", "anchors, aliases or tags"),
        ("python_tag", "anchors, aliases or tags"),
        ("deep", "nested more than"),
        ("large", "at most"),
        ("not_text", "is not UTF-8 text"),
    ],
)
def test_the_student_is_told_why_the_card_was_not_read(graded: Outcome, student: str, sentence: str) -> None:
    feedback = " ".join(c["feedback"] for c in graded.results[student]["checks"] if c["exercise"] == "card")
    assert sentence in feedback


def test_nothing_in_a_card_was_executed() -> None:
    assert not Path("/tmp/owned-by-a-card").exists()
