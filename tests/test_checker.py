"""The checks' own box: what parses students' files sees nothing else, and what kills it holds one grade."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from grader import box, checker
from grader.evidence import Evidence
from grader.grading import Graded, Grading
from grader.records import Measurement, Run, Submission
from grader.source import load_lab
from grader.strict import parse_json

CANARY = "canary-of-the-machine"
LOOKS_AROUND = """
import os, socket
from grader import check, expect

@check("env", points=1)
def test_network(student):
    "No network"
    try:
        socket.create_connection(("127.0.0.1", PORT), 2)
    except OSError:
        return
    expect(False, "reached the host")

@check("env", points=1)
def test_secrets(student):
    "No secrets"
    found = " ".join(f"{k}={v}" for k, v in os.environ.items()) + " ".join(os.listdir("/")) + " ".join(os.listdir("/evidence"))
    expect("canary" not in found and "home" not in os.listdir("/"), found)

@check("env", points=1)
def test_writing(student):
    "No place to write but scratch"
    for place in ("/evidence/0/planted", "/opt/dragon/checks/planted", "/planted"):
        try:
            open(place, "w")
        except OSError:
            continue
        expect(False, place)

@check("env", points=1)
def test_own_files(student):
    "The evidence that was asked for, and no other student's store"
    expect.equal(student.text("out/lab1/env.json"), "of " + student.run.error, "another's file")
    expect.equal(sorted(os.listdir("/evidence")), ["0", "reference"], "more than its own")
"""
DIES = """
import os, time
from grader import check, expect

@check("env", points=1)
def test_first(student):
    "One"

@check("env", points=1)
def test_second(student):
    "Two"
    ACTION
"""


def a_class(folder: Path, *names: str) -> Grading:
    """Students whose evidence is one file each."""
    lab = load_lab(1)
    students = {}
    for name in (*names, "reference"):
        place = folder / name
        (place / "out" / "lab1").mkdir(parents=True)
        (place / "evidence").mkdir()
        (place / "out" / "lab1" / "env.json").write_text(f"of {name}")
        evidence = Evidence("student", lab, place, Run("ok", 1.0, error=name))
        students[name] = Graded(Submission(name, 1, place / "nowhere.ipynb", ""), evidence)
    reference = students.pop("reference").evidence
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | 0o055)
    return Grading(1, {"name": "tiny"}, reference, students, folder / "results", "a test", {})


def checks_file(folder: Path, source: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "test_lab1.py"
    path.write_text(source)
    return path


@pytest.fixture(autouse=True)
def needs_a_box() -> None:
    tier = box.probe()
    if tier.level < 2:
        pytest.skip(f"no sandbox on this host: {tier.reason}")


def test_checks_see_the_evidence_they_need_and_nothing_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setenv("DRAGON_TEST_SECRET", CANARY)
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = LOOKS_AROUND.replace("PORT", str(server.getsockname()[1]))
        outcomes = checker.run_checks(a_class(tmp_path / "e", "ann"), checks_file(tmp_path / "c", source))
    found = {o.check: (o.status, o.feedback, o.detail) for o in outcomes.values()}
    assert found == {name: ("passed", "", "") for name in ("test_network", "test_secrets", "test_writing", "test_own_files")}


@pytest.mark.parametrize("action", ["os._exit(0)", "os.abort()", "time.sleep(600)", "os.write(3, b'{}\\n' * 10); time.sleep(1)"])
def test_what_ends_a_checker_leaves_only_that_student_undecided(action: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "SILENCE_S", 20)
    source = DIES.replace("ACTION", f"if student.run.error == 'ben': {action}")
    outcomes = checker.run_checks(a_class(tmp_path / "e", "ann", "ben", "cleo"), checks_file(tmp_path / "c", source))
    assert {key for key, o in outcomes.items() if o.status == "passed"} >= {
        ("ann", "test_first"), ("ann", "test_second"), ("cleo", "test_first"), ("cleo", "test_second"),
    }  # fmt: skip
    assert ("ben", "test_second") not in outcomes


@pytest.mark.parametrize(
    "line",
    [
        b"not JSON", b"[]", b"{}", b'{"student": "ann", "check": "x", "status": "perfect", "feedback": "", "detail": ""}',
        b'{"student": "another", "check": "x", "status": "passed", "feedback": "", "detail": ""}',
        b'{"student": "ann", "check": "x", "status": "passed", "feedback": {}, "detail": ""}',
    ],
)  # fmt: skip
def test_what_is_no_outcome_is_refused(line: bytes) -> None:
    with pytest.raises(checker.Rejected):
        checker._outcome(line, frozenset({"ann"}))


def test_a_large_class_is_shared_among_boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[Any] = []
    monkeypatch.setattr(checker, "_check_share", lambda grading, checks, options, names: shares.append(names) or [])
    names = [f"s{i:03}" for i in range(120)]
    checker.run_checks(a_class(tmp_path, *names), Path("test_lab1.py"), processes=2)
    assert sorted(n for share in shares for n in share) == names and max(map(len, shares)) <= checker.STUDENTS_A_BOX
    assert os.environ.get("DRAGON_TEST_SECRET") is None


REFUSES_ALL = """
from grader import check, expect

@check("env", points=1)
def test_first(student, reference):
    "No reference passes this"
    expect(student.run.error == "nobody", "It is not nobody's.")

@check("env", points=1)
def test_second(student):
    "The reference passes this"
    expect(student.run.error == "reference", "It is not the reference's.")
"""


def test_a_check_that_the_reference_fails_too_costs_nobody_a_point(tmp_path: Path) -> None:
    outcomes = checker.run_checks(a_class(tmp_path / "e", "ann"), checks_file(tmp_path / "c", REFUSES_ALL))
    first, second = outcomes["ann", "test_first"], outcomes["ann", "test_second"]
    assert (first.status, first.feedback) == ("error", "") and "the reference does not pass this check either" in first.detail
    assert (second.status, second.feedback) == ("failed", "It is not the reference's.")


def test_students_get_measured_numbers_in_three_digits(tmp_path: Path) -> None:
    grading = a_class(tmp_path, "ann")
    grading.students["ann"].evidence.measurement = Measurement(base_perplexity=123.456789, tuned_perplexity=53.621551, tokens=8123)
    grading.publish([])
    folder = tmp_path / "results" / "lab1"
    assert json.loads((folder / "ann.json").read_text())["measured"] == {"base_perplexity": 123.0, "tuned_perplexity": 53.6, "tokens": 8123}
    assert json.loads((folder / "staff" / "ann.json").read_text())["measured"]["tuned_perplexity"] == 53.621551


def test_a_perplexity_without_end_leaves_results_that_are_json(tmp_path: Path) -> None:
    grading = a_class(tmp_path, "ann")
    grading.students["ann"].evidence.measurement = Measurement(base_perplexity=12.0, tuned_perplexity=float("inf"), tokens=8)
    grading.publish([])
    for path in (tmp_path / "results" / "lab1").rglob("ann.json"):
        document = parse_json(path.read_bytes(), "a result", max_bytes=1 << 20)
        assert document["measured"] == {"base_perplexity": 12.0, "tuned_perplexity": None, "tokens": 8}
