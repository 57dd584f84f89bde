"""The labs as a student's machine runs them: plain nbclient, no grader, one lab after the other in the course's own folder."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from grader.answers import notebook_with
from grader.source import LABS, ROOT, VARIANTS, load_lab


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_all_seven_solved_notebooks_run_outside_the_grader(variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = tmp_path / "labs"
    shutil.copytree(ROOT / "labs", course, ignore=shutil.ignore_patterns("out", "inputs", "cpu", "__pycache__"))
    for name, value in {"DRAGON_PROFILE": "tiny", "MPLBACKEND": "agg", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"}.items():
        monkeypatch.setenv(name, value)
    for number in LABS:
        notebook = nbformat.reads(notebook_with(load_lab(number), [], variant), 4)  # type: ignore[arg-type]
        notebook.cells = [c for c in notebook.cells if "install" not in c.metadata.get("tags", ())]  # everything is installed here
        # without outputs that a test would have to look at: an error in any cell raises
        NotebookClient(notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": str(course / variant)}}).execute()
        left = [f.removeprefix("out/") for e in load_lab(number).exercises for f in e.files]
        assert [f for f in left if not (course / "out" / f).exists()] == [], f"lab {number}"
    assert not (course / "inputs").exists()


COPIES = 20


@pytest.mark.slow
@pytest.mark.parametrize("number", LABS)
def test_the_same_notebook_graded_20_times_gives_20_equal_results(number: int, tmp_path: Path, store: Path) -> None:
    from tests.classes import grade, with_cell

    notebooks: dict[str, str | bytes] = {f"copy{n:02}": with_cell(number, f"'copy {n}'") for n in range(COPIES)}
    results = grade(tmp_path, number, notebooks, store).results
    told = {json.dumps([r["status"], r["score"], r["checks"], r["measured"], r["run"]["status"]], sort_keys=True) for r in results.values()}
    assert len(results) == COPIES and len(told) == 1
    staff = [json.loads((tmp_path / "results" / f"lab{number}" / "staff" / f"{name}.json").read_text()) for name in results]
    assert len({json.dumps(s["measured"], sort_keys=True) for s in staff}) == 1  # to the last digit
