"""The pytest plugin: a table of hooks. `--lab N` turns a pytest run into grading; without it, pytest is pytest.

The class runs (`grader.session`) before collection; checks then only read evidence, in boxes of their own
(`grader.checker`, as many as `-n` or `--slots` says), and are reported here. State is in `config.stash`.
"""

import inspect
import traceback
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from . import checker, grading, terminal
from .errors import CheckFailed, GraderError, UsageError
from .evidence import Evidence
from .feedback import without_quotes
from .grading import STATE
from .hidden import handed_out
from .source import LABS, ROOT
from .strict import plain

MAX_HINT_CHARACTERS = 1200
OUTCOMES: pytest.StashKey[dict[tuple[str, str], str]] = pytest.StashKey()
TROUBLE: pytest.StashKey[dict[str, str]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("grading", "Dragon Trainer: grade a lab's notebooks")
    group.addoption("--lab", type=int, metavar="N", help="grade lab N (1-7) instead of running the tests")
    group.addoption(
        "--submissions", type=Path, metavar="PATH", help="a notebook, a folder or a zip (default: submissions/, else the bundled class)"
    )
    group.addoption("--student", metavar="ID", help="grade only this student")
    group.addoption("--results", type=Path, metavar="DIR", help="where result files go (default: results/)")
    group.addoption("--profile", default="tiny", metavar="NAME", help="tiny (default) or cpu: which base model and how many steps")
    group.addoption("--public", action="store_true", help="only the checks that students can run themselves")
    group.addoption(
        "--data",
        type=Path,
        metavar="JSONL",
        help="other rows of the data set in place of the embedded ones; a part is held out as the private split",
    )
    group.addoption("--store", type=Path, metavar="DIR", help="where runs are remembered (default: .dragon/)")
    group.addoption(
        "--cell-timeout",
        type=int,
        metavar="S",
        help="processor seconds that one cell may use; by the clock three times that (default: the profile's)",
    )
    group.addoption("--gpu", action="store_true", help="let notebooks and measurements use this machine's NVIDIA GPUs")
    group.addoption(
        "--slots", type=int, metavar="N", help="processor cores to use (default: all; with --gpu, as many as make one notebook a GPU)"
    )
    group.addoption(
        "--unsafe-i-trust-these-students",
        action="store_true",
        dest="trusted",
        help="run notebooks without a sandbox where none can be built",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "check(exercise, points, public, after): a check that is worth points; used as grader.check")
    lab = config.getoption("--lab")
    if lab is None:
        return
    if lab not in LABS:
        raise pytest.UsageError(f"--lab {lab}: there are labs 1 to 7")
    config.stash[OUTCOMES], config.stash[TROUBLE] = {}, {}
    config.option.tbstyle = "no"
    config.option.reportchars = ""
    checks = ROOT / "checks" / f"test_lab{lab}.py"
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args[:] = [str(checks)]
    config.option.dist, config.option.tx = "no", []  # xdist's `-n` is taken over: see `pytest_runtestloop`


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    if config.getoption("--lab") is None or STATE in config.stash or config.option.collectonly:
        return
    options = grading.Options(
        lab=config.getoption("--lab"),
        submissions=config.getoption("--submissions"),
        student=config.getoption("--student"),
        results=config.getoption("--results") or config.invocation_params.dir / "results",
        profile=config.getoption("--profile"),
        data=config.getoption("--data"),
        store=config.getoption("--store") or ROOT / ".dragon",
        slots=config.getoption("--slots"),
        cell_timeout_s=config.getoption("--cell-timeout"),
        gpu=config.getoption("--gpu"),
        trusted=config.getoption("trusted"),
        root=config.invocation_params.dir,
    )
    reporter = config.pluginmanager.getplugin("terminalreporter")
    capture = config.pluginmanager.getplugin("capturemanager")
    capture.suspend_global_capture(in_=True)
    try:
        with terminal.Progress(reporter) as progress:
            config.stash[STATE] = grading.run_class(options, progress)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    except GraderError as error:
        raise pytest.UsageError(f"grading stopped: {error}") from None
    except OSError as error:
        raise pytest.UsageError(f"grading stopped: {_machine_trouble(error)}") from None
    finally:
        capture.resume_global_capture()


def _machine_trouble(error: OSError) -> str:
    """What the machine refused, where, and what is safe."""
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}. No grade was lowered by it; notebooks that have run are remembered. Mend it and start again"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without --lab the checks are not tests; with it only that lab's are."""
    if collection_path.parent != ROOT / "checks":
        return None
    lab = config.getoption("--lab")
    return collection_path.name != f"test_lab{lab}.py" or None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "student" in metafunc.fixturenames and STATE in metafunc.config.stash:
        metafunc.parametrize("student", sorted(metafunc.config.stash[STATE].students), indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Student by student, each in the order of the file; `--public` and `--student` choose."""
    if STATE not in config.stash:
        return
    chosen: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        mark = item.get_closest_marker("check")
        is_wanted = mark is not None and (mark.kwargs["public"] or not config.getoption("--public"))
        (chosen if is_wanted else left_out).append(item)
    order = {item.nodeid: index for index, item in enumerate(chosen)}
    chosen.sort(key=lambda item: (grading.student_of(item.nodeid), order[item.nodeid]))
    items[:] = chosen
    config.stash[STATE].hidden_checks = len(left_out) // max(1, len(config.stash[STATE].students))
    if left_out:
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def student(request: pytest.FixtureRequest) -> Evidence:
    """The evidence of the submission that is being checked."""
    return request.config.stash[STATE].students[request.param].evidence


@pytest.fixture(scope="session")
def reference(request: pytest.FixtureRequest) -> Evidence:
    """The reference's own evidence from the same environment."""
    return request.config.stash[STATE].reference


@pytest.fixture(scope="session")
def profile(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The profile's section of labs/train/config.json, its name under "name"."""
    return request.config.stash[STATE].profile_settings


def pytest_runtest_setup(item: pytest.Item) -> None:
    mark = item.get_closest_marker("check")
    if mark is None or STATE not in item.config.stash:
        return
    outcomes, who = item.config.stash[OUTCOMES], grading.student_of(item.nodeid)
    for name in mark.kwargs["after"]:
        if outcomes.get((who, name)) != "passed":
            pytest.skip(f"after:{name}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    mark = item.get_closest_marker("check")
    if mark is None or STATE not in item.config.stash or call.when == "teardown" or (call.when == "setup" and report.passed):
        return report
    status, feedback, detail = _classify(call, report)
    if status == "failed" and (trouble := _trouble_with_reference(item)):
        status, feedback, detail = "error", "", f"the reference does not pass this check either: {trouble}"
    name, who = item.function.__name__, grading.student_of(item.nodeid)  # type: ignore[attr-defined]
    if status == "failed" and who in item.config.stash[STATE].students:
        returned = item.config.stash[STATE].students[who].evidence.returned_texts()
        feedback = plain(without_quotes(feedback, returned, handed_out()) if returned else feedback, MAX_HINT_CHARACTERS)
    item.config.stash[OUTCOMES][who, name] = status
    record = grading.check_record(item, mark, status, feedback, detail)
    report.user_properties = [*report.user_properties, ("dragon", record)]
    return report


def _trouble_with_reference(item: pytest.Item) -> str:
    """Why the reference would fail the check that a student failed; an empty string when it passes, as it must. Tried once a check."""
    state, tried = item.config.stash[STATE], item.config.stash[TROUBLE]
    function = item.function  # type: ignore[attr-defined]
    if function.__name__ not in tried:
        known = {"student": replace(state.reference, owner="student"), "reference": state.reference, "profile": state.profile_settings}
        try:
            function(**{name: known[name] for name in inspect.signature(function).parameters})
            tried[function.__name__] = ""
        except Exception as error:
            tried[function.__name__] = f"{type(error).__name__}: {error}"
    return tried[function.__name__]


def _classify(call: pytest.CallInfo[None], report: pytest.TestReport) -> tuple[str, str, str]:
    """Status, feedback for the student, detail for staff: by the kind of exception, not by pytest's phase."""
    if call.excinfo is None:
        return "passed", "", ""
    error = call.excinfo.value
    if isinstance(error, pytest.skip.Exception):
        reason = str(error.msg)
        return ("skipped", reason, "") if reason.startswith("after:") else ("error", "", f"skipped by the check: {reason}")
    if isinstance(error, CheckFailed):
        return "failed", str(error), ""
    if isinstance(error, AssertionError):
        return "failed", "This does not hold for your notebook.", str(report.longrepr)
    frames = "".join(traceback.format_tb(call.excinfo.tb)[-4:])
    return "error", "", f"{type(error).__name__}: {error}\n{frames}"


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Let checkers in boxes of their own decide the checks, and report what they say. Without a box, pytest runs them here."""
    config = session.config
    if STATE not in config.stash or not config.stash[STATE].checkers or config.option.collectonly or session.testsfailed:
        return None
    state = config.stash[STATE]
    options = ["--public"] if config.getoption("--public") else []
    checks = ROOT / "checks" / f"test_lab{state.lab}.py"
    outcomes = checker.run_checks(state, checks, options, processes=getattr(config.option, "numprocesses", None) or state.checkers)
    for item in session.items:
        config.hook.pytest_runtest_logreport(report=_report(item, outcomes))
    return True


def _report(item: pytest.Item, outcomes: Mapping[tuple[str, str], "checker.Outcome"]) -> pytest.TestReport:
    """pytest's report of a check that was decided in a box."""
    name, who = item.function.__name__, grading.student_of(item.nodeid)  # type: ignore[attr-defined]
    undecided = checker.Outcome(who, name, "error", "", "the checker ended before it could say anything of this")
    found = outcomes.get((who, name), undecided)
    mark = item.get_closest_marker("check")
    record = [("dragon", grading.check_record(item, mark, found.status, found.feedback, found.detail))] if mark else []
    outcome: Literal["passed", "failed", "skipped"] = found.status if found.status in ("passed", "skipped") else "failed"
    text: Any = (str(item.path), 0, found.feedback) if outcome == "skipped" else (found.feedback or found.detail or None)
    return pytest.TestReport(
        item.nodeid, item.location, {item.name: 1}, outcome, None if outcome == "passed" else text, "call", user_properties=record
    )


class Gatherer:
    """Collects check records; registered where results are published."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.records: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.records += [value for key, value in report.user_properties if key == "dragon" and isinstance(value, dict)]

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str]:
        category = "" if report.when != "call" and report.outcome == "passed" else report.outcome
        return category, "", ""

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if STATE in self.config.stash and exitstatus in (0, 1):
            state = self.config.stash[STATE]
            try:
                state.publish(self.records)
            except OSError as error:
                pytest.exit(f"results could not be written: {_machine_trouble(error)}", returncode=pytest.ExitCode.INTERNAL_ERROR)
            if any(result.is_held for result in state.results):
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if STATE in self.config.stash and self.config.stash[STATE].results:
            terminal.summarize(terminalreporter, self.config.stash[STATE])


@pytest.hookimpl(trylast=True)
def pytest_collection(session: pytest.Session) -> None:
    config = session.config
    if STATE in config.stash and config.stash[STATE].results_folder != Path():
        config.pluginmanager.register(Gatherer(config), "dragon-gatherer")
