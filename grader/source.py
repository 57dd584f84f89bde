"""`reference/labN.py` → the lab: its cells in both versions (solved, handed out), its exercises and what they leave.

The py:percent notebook is the single source; what its cell metadata means is described in `reference/README.md`.
"""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jupytext
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .errors import GraderError

Variant = Literal["colab", "local"]
VARIANTS: tuple[Variant, ...] = ("colab", "local")
LABS = range(1, 8)
ROOT = Path(__file__).resolve().parent.parent

SOLUTION = re.compile(
    r"^(?P<indent>[ \t]*)### BEGIN SOLUTION\n.*?^[ \t]*### END SOLUTION\n?"
    r"(?:^[ \t]*### BEGIN STUB\n(?P<stub>.*?)^[ \t]*### END STUB\n?)?",
    re.DOTALL | re.MULTILINE,
)
_STUB = re.compile(r"^([ \t]*)### BEGIN STUB\n.*?^[ \t]*### END STUB\n?", re.DOTALL | re.MULTILINE)
_MARKERS = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION\n?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Exercise:
    """What one exercise cell is asked for."""

    id: str
    defines: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceCell:
    """One cell of the reference: `solved` is what the reference runs, `handed_out` what the student gets."""

    kind: Literal["code", "markdown"]
    solved: str
    handed_out: str
    exercise: Exercise | None
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Lab:
    """One lab as its source file says it."""

    number: int
    title: str
    cells: tuple[SourceCell, ...]
    shows: tuple[str, ...]  # names of cells that are no exercise, captured because probes or checks use them
    leaves: tuple[str, ...]
    needs: tuple[int, ...]

    @property
    def exercises(self) -> tuple[Exercise, ...]:
        return tuple(c.exercise for c in self.cells if c.exercise)

    @property
    def names(self) -> tuple[str, ...]:
        """Every variable or function that is captured."""
        return (*(n for e in self.exercises for n in e.defines), *self.shows)

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(f for e in self.exercises for f in e.files)

    @property
    def probes(self) -> str:
        """The hidden inputs: a Python program that runs in the student's kernel after the last cell; empty without any."""
        path = ROOT / "reference" / "probes" / f"lab{self.number}.py"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def in_variant(self, variant: Variant) -> tuple[SourceCell, ...]:
        """The cells of one variant, its set-up cell filled in."""
        other = "colab" if variant == "local" else "local"
        return tuple(_with_setup(c, variant, self.number) for c in self.cells if other not in c.tags)

    def imports(self) -> list[str]:
        """Import statements of third-party packages at the top level of the solved cells, in order."""
        own = {"utils", "google", "train", "eval", "data"}
        found: dict[str, None] = {}
        for cell in self.cells:
            if cell.kind != "code" or cell.tags & {"setup", "install", "colab", "local"}:
                continue
            for node in _tree(cell.solved, self.number).body:
                root = node.names[0].name if isinstance(node, ast.Import) else getattr(node, "module", None) or ""
                if isinstance(node, (ast.Import, ast.ImportFrom)) and root.split(".")[0] not in own:
                    found[ast.unparse(node)] = None
        return list(found)


@cache
def load_lab(number: int, root: Path = ROOT) -> Lab:
    """Parse `reference/lab<number>.py`. Raises GraderError where it breaks the contract."""
    path = root / "reference" / f"lab{number}.py"
    if not path.exists():
        raise GraderError(f"lab {number} has no reference notebook; expected {path.relative_to(root)}")
    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    cells = tuple(_source_cell(cell, number) for cell in notebook.cells)
    title = next((m[1] for c in cells if (m := re.match(r"# (.+)", c.solved)) and c.kind == "markdown"), f"Lab {number}")
    leaves = tuple(f for cell in notebook.cells for f in cell.metadata.get("leaves", ()))
    needs = tuple(sorted({int(n) for n in re.findall(r"""inputs/lab(\d)|INPUTS / ["']lab(\d)""", text) for n in n if n}))
    shows = tuple(n for cell in notebook.cells if not cell.metadata.get("exercise") for n in cell.metadata.get("defines", ()))
    lab = Lab(number, title, cells, shows, leaves, needs)
    ids = [e.id for e in lab.exercises]
    if len(set(ids)) != len(ids) or len(set(lab.names)) != len(lab.names):
        raise GraderError(f"lab {number}: two exercises share an id or a name; every exercise has one cell")
    return lab


def _source_cell(cell: Any, number: int) -> SourceCell:
    metadata = cell.metadata
    exercise = None
    if name := metadata.get("exercise"):
        files = tuple(metadata.get("files", ()))
        exercise = Exercise(name, tuple(metadata.get("defines", () if files else (name,))), files)
        if not SOLUTION.search(cell.source + "\n"):
            raise GraderError(f"lab {number}, exercise {name!r}: no ### BEGIN SOLUTION … ### END SOLUTION region")
    kind: Literal["code", "markdown"] = "code" if cell.cell_type == "code" else "markdown"
    source = cell.source + "\n"
    handed_out = SOLUTION.sub(lambda m: _stub(m, exercise.id if exercise else ""), source)
    solved = _MARKERS.sub("", _STUB.sub("", source))
    return SourceCell(kind, solved.rstrip("\n"), handed_out.rstrip("\n"), exercise, frozenset(metadata.get("tags", ())))


def _stub(region: re.Match[str], exercise: str) -> str:
    indent = region["indent"]
    given = region["stub"] or f"{indent}# YOUR CODE HERE\n{indent}raise NotImplementedError({exercise!r})\n"
    return re.sub(r"^([ \t]*)# ?(?!YOUR CODE)", r"\1", given, flags=re.MULTILINE) if region["stub"] else given


def _with_setup(cell: SourceCell, variant: Variant, number: int) -> SourceCell:
    if "setup" not in cell.tags:
        return cell
    environment = Environment(loader=FileSystemLoader(ROOT / "templates"), undefined=StrictUndefined, autoescape=False)
    text = environment.get_template(f"setup_{variant}.py.j2").render(lab=number).rstrip("\n")
    return SourceCell(cell.kind, text, text, None, cell.tags)


def _tree(source: str, number: int) -> ast.Module:
    plain = "\n".join("pass" if line.lstrip().startswith(("!", "%")) else line for line in source.splitlines())
    try:
        return ast.parse(plain)
    except SyntaxError as error:
        raise GraderError(f"lab {number}: a reference cell is not Python: {error}") from None
