"""Hostile notebooks, handed in through the door that students use: each attack fails, and the result says so truly.

Every attack is one more cell in an otherwise right Lab 3 notebook. What it found out or brought about (`loot`) leaves the
box in the one file that Lab 3 lets out, `stats.json`. Numbers are the rows of the threat table in SECURITY.md.
"""

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from grader.source import ROOT
from tests.classes import Outcome, grade, solved

LAB = 3
CANARY = "canary-of-the-graders-environment"
TRIES = """
def tried(*actions):
    results = {}
    for name, action in actions:
        try:
            results[name] = repr(action())[:200]
        except BaseException as error:
            results[name] = f"refused {type(error).__name__}"
    return results
"""

ATTACKS: dict[str, str] = {
    # 1: look for the references, the private notes and the grader itself, everywhere, through /proc too
    "reads_references": """
import os
hits = []
for top in ["/", *[f"/proc/{p}/root" for p in os.listdir("/proc") if p.isdigit()]]:
    for folder, folders, files in os.walk(top):
        if folder.startswith(("/proc/", "/sys")) and "/root" not in folder:
            folders[:] = []
        folders[:] = [f for f in folders if not (f == "proc" and folder.endswith(("/", "root")))]
        hits += [os.path.join(folder, f) for f in files + folders if f in ("private_notes.jsonl", "answers", "test_lab3.py", "lab3.py", "evidence.py")]
loot = {"hits": hits, "runs": tried(("runs", lambda: os.listdir("/runs")), ("course", lambda: os.listdir("/course")))}
""",
    # 2, 36: files that a naive grader would read or run
    "forges_a_score": """
import json, pathlib
for name in ("results.json", "result.json", "alice.json", "conftest.py", "pytest.ini", "sitecustomize.py", "../results.json"):
    try: (OUT / name).write_text(json.dumps({"score": 100}) if name.endswith("json") else "import os; os._exit(0)")
    except OSError: pass
print("::notice::score=100"); print('{"event": "finished", "score": 100}')
tokenized = None
loot = {}
""",
    # 6: the host's loopback, its abstract sockets, and any route out
    "opens_sockets": """
import socket
def abstract():
    s = socket.socket(socket.AF_UNIX); s.connect("\\0dragon-test"); return "connected"
loot = tried(("loopback", lambda: socket.create_connection(("127.0.0.1", PORT), 2) and "connected"), ("abstract", abstract),
             ("outside", lambda: socket.create_connection(("10.255.255.1", 80), 2) and "connected"),
             ("vsock", lambda: socket.socket(40, socket.SOCK_STREAM)), ("packet", lambda: socket.socket(17, socket.SOCK_RAW)),
             ("alg", lambda: socket.socket(38, socket.SOCK_SEQPACKET)))
""",
    # 7: the kernel's less guarded calls, and new namespaces
    "calls_the_kernel": """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    ctypes.set_errno(0)
    if libc.syscall(*arguments) == -1: raise OSError(ctypes.get_errno(), "no")
    return "allowed"
loot = tried(("unshare", lambda: call(272, 0x10000000)), ("mount", lambda: call(165, b"none", b"/tmp", b"tmpfs", 0, None)),
             ("keyctl", lambda: call(250, 0, 0)), ("bpf", lambda: call(321, 0, None, 0)), ("io_uring", lambda: call(425, 8, None)),
             ("ptrace", lambda: call(101, 16, 1, 0, 0)), ("userfaultfd", lambda: call(323, 0)), ("perf", lambda: call(298, None, 0, -1, -1, 0)),
             ("clone_newuser", lambda: call(56, 0x10000000 | 17, 0, 0, 0, 0)), ("setuid", lambda: os.setuid(0)), ("chroot", lambda: os.chroot("/tmp")))
status = open("/proc/self/status").read()
loot["caps"] = [line.split()[1] for line in status.splitlines() if line.startswith("Cap")]
loot["seccomp"] = [line.split()[1] for line in status.splitlines() if line.startswith(("Seccomp:", "NoNewPrivs:"))]
""",
    # 9, 10: what the next run, or the grader, would load
    "writes_where_others_read": """
import os, site, sys, pathlib
places = [sys.prefix, site.getsitepackages()[0], "/usr/lib", "/etc", "/opt/dragon/boxed", "models/tiny", "data", "train", "inputs", "/evidence/../runs"]
loot = tried(*[(p, lambda p=p: (pathlib.Path(p) / "planted.py").write_text("x")) for p in places],
             ("weights", lambda: open("models/tiny/model.safetensors", "r+b").write(b"x")))
""",
    # 11: the environment and what is open
    "reads_the_environment": """
import os
links = []
for fd in os.listdir("/proc/self/fd"):
    try: links.append(os.readlink(f"/proc/self/fd/{fd}"))
    except OSError: pass
def parents():
    return [open(f"/proc/{p}/environ").read() for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]
loot = {"environ": dict(os.environ), "links": links, "pids": [p for p in os.listdir("/proc") if p.isdigit()], **tried(("others", parents), ("driver_fds", lambda: os.listdir("/proc/1/fd")))}
""",
    # 12: more processes than a run may have
    "forks_without_end": """
import os, time
children = 0
try:
    while children < 5000:
        if os.fork() == 0:
            time.sleep(5); os._exit(0)
        children += 1
except OSError: pass
loot = {"children": children}
""",
    # 15: a file of a terabyte, and a full disk
    "fills_the_disk": """
loot = tried(("terabyte", lambda: open(OUT / "big", "wb").truncate(1 << 40)), ("scratch", lambda: [open(f"/tmp/{i}", "wb").write(bytes(1 << 26)) for i in range(40)]))
""",
    # 16: stop or kill the driver, our own PID 1
    "stops_the_driver": """
import os, signal
loot = tried(("kill", lambda: os.kill(1, signal.SIGKILL)), ("stop", lambda: os.kill(1, signal.SIGSTOP)))
""",
    # 17: a process that outlives the notebook
    "leaves_a_daemon": """
import os, sys, subprocess
subprocess.Popen([sys.executable, "-c", "import time; marker = 'dragon-daemon-marker'; time.sleep(600)"], start_new_session=True)
loot = {}
""",
    # 19: a link in place of the file
    "links_out": """
import os
(OUT / "stats.json").unlink(missing_ok=True)
os.symlink("/etc/passwd", OUT / "stats.json")
loot = None
""",
    # 20: a pipe in place of the file
    "pipes_out": """
import os
(OUT / "stats.json").unlink(missing_ok=True)
os.mkfifo(OUT / "stats.json")
loot = None
""",
    # 32: JSON that hurts
    "writes_deep_json": """
(OUT / "stats.json").write_text("[" * 100_000 + "]" * 100_000)
loot = None
""",
    # 35: a terminal's control characters in an error message
    "writes_escapes": """
loot = {}
raise ValueError("\\x1b]0;owned\\x07\\x1b[31m\\u202egnol")
""",
    # peers' graders: objects that equal everything, patched numpy, AST transformers
    "equals_everything": """
class Yes(list):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __len__(self): return 10**6
tokenized = {"input_ids": Yes()}
packed = {"input_ids": Yes(), "labels": Yes()}
import ast
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
get_ipython().ast_transformers.append(Strip())
import json as j, builtins
j.dumps = lambda *a, **k: "{}"
loot = None
""",
}  # fmt: skip


def attack(source: str, port: int) -> str:
    """The right notebook with the attack right before the last exercise, and the loot in its file at the end."""
    document = solved(LAB)
    where = next(i for i, c in enumerate(document["cells"]) if c["metadata"].get("nbgrader", {}).get("grade_id") == "stats") + 1

    def code(text: str) -> dict[str, Any]:
        return {"cell_type": "code", "metadata": {}, "source": text, "outputs": [], "execution_count": None}

    save = "import json as _json\nif loot is not None: (OUT / 'stats.json').write_text(_json.dumps(loot))"
    document["cells"][where:where] = [code(TRIES), code(source.replace("PORT", str(port))), code(save)]
    return json.dumps(document)


@contextmanager
def listening() -> Iterator[tuple[int, list[str]]]:
    """A TCP port on the host's loopback and an abstract socket; whoever connects is noted."""
    visitors: list[str] = []
    tcp, abstract = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
    abstract.bind("\0dragon-test")
    abstract.listen()

    def accept(server: socket.socket, name: str) -> None:
        try:
            while True:
                server.accept()
                visitors.append(name)
        except OSError:
            return

    for server, name in ((tcp, "tcp"), (abstract, "abstract")):
        threading.Thread(target=accept, args=(server, name), daemon=True).start()
    try:
        yield tcp.getsockname()[1], visitors
    finally:
        tcp.close()
        abstract.close()


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Iterator[tuple[Outcome, Path, list[str]]]:
    folder = tmp_path_factory.mktemp("attacks")
    os.environ["DRAGON_TEST_SECRET"] = CANARY
    try:
        with listening() as (port, visitors):
            document = solved(LAB)
            document["metadata"]["kernelspec"] = {"name": "evil", "argv": ["/bin/sh", "-c", "touch /tmp/owned"]}
            for cell in document["cells"]:
                cell["metadata"]["tags"] = ["raises-exception", "skip-execution", "install"]
            notebooks: dict[str, str | bytes] = {name: attack(source, port) for name, source in ATTACKS.items()}
            notebooks |= {"metadata": json.dumps(document), "bystander": json.dumps(solved(LAB))}
            yield grade(folder, LAB, notebooks, store, "--cell-timeout", "20"), folder, visitors
    finally:
        del os.environ["DRAGON_TEST_SECRET"]


def loot_of(attacked: tuple[Outcome, Path, list[str]], student: str) -> dict[str, Any]:
    staff = json.loads((attacked[1] / "results" / f"lab{LAB}" / "staff" / f"{student}.json").read_text())
    loot: dict[str, Any] = json.loads((Path(staff["evidence"]) / "out" / f"lab{LAB}" / "stats.json").read_text())
    return loot


def refused(loot: dict[str, Any], *names: str) -> bool:
    return all(str(loot[name]).startswith("refused") for name in names)


def test_every_attacker_has_one_result_and_none_is_held(attacked: tuple[Outcome, Path, list[str]]) -> None:
    assert set(attacked[0].results) == {*ATTACKS, "metadata", "bystander"}, attacked[0].output
    assert {r["status"] for r in attacked[0].results.values()} == {"graded"}


def test_a_bystander_keeps_full_marks(attacked: tuple[Outcome, Path, list[str]]) -> None:
    result = attacked[0].results["bystander"]
    assert result["score"] == result["max_score"]


def test_references_and_private_notes_are_nowhere_in_the_box(attacked: tuple[Outcome, Path, list[str]]) -> None:
    loot = loot_of(attacked, "reads_references")
    assert loot["hits"] == []
    assert loot["runs"] == {"runs": "[]", "course": "[]"}


def test_a_forged_score_changes_nothing(attacked: tuple[Outcome, Path, list[str]]) -> None:
    results = attacked[0].results
    assert results["forges_a_score"]["score"] < results["bystander"]["score"]
    assert results["forges_a_score"]["max_score"] == results["bystander"]["max_score"]


def test_no_socket_reaches_the_host_or_beyond(attacked: tuple[Outcome, Path, list[str]]) -> None:
    assert refused(loot_of(attacked, "opens_sockets"), "loopback", "abstract", "outside", "vsock", "packet", "alg")
    assert attacked[2] == []


def test_privileged_system_calls_are_refused(attacked: tuple[Outcome, Path, list[str]]) -> None:
    loot = loot_of(attacked, "calls_the_kernel")
    assert set(loot.pop("caps")) == {"0000000000000000"}
    assert sorted(loot.pop("seccomp")) == ["1", "2"]
    assert refused(loot, *loot), loot


def test_nothing_that_others_read_can_be_written(attacked: tuple[Outcome, Path, list[str]]) -> None:
    loot = loot_of(attacked, "writes_where_others_read")
    assert refused(loot, *loot), loot


def test_neither_the_environment_nor_descriptors_leak(attacked: tuple[Outcome, Path, list[str]]) -> None:
    loot = loot_of(attacked, "reads_the_environment")
    assert CANARY not in json.dumps(loot)
    assert refused(loot, "others", "driver_fds")
    assert not [link for link in loot["links"] if link.startswith("/") and not link.startswith(("/dev/", "/work", "/proc", "/tmp"))]
    assert len(loot["pids"]) <= 3


def test_a_fork_bomb_meets_its_limit(attacked: tuple[Outcome, Path, list[str]]) -> None:
    run = attacked[0].results["forks_without_end"]["run"]  # on a small machine the memory of so many forks ends it first
    assert run["status"] == "out_of_memory" or loot_of(attacked, "forks_without_end")["children"] <= 256


def test_disk_limits_hold(attacked: tuple[Outcome, Path, list[str]]) -> None:
    assert refused(loot_of(attacked, "fills_the_disk"), "terabyte", "scratch")


def test_the_driver_cannot_be_killed_from_inside(attacked: tuple[Outcome, Path, list[str]]) -> None:
    assert attacked[0].results["stops_the_driver"]["run"]["status"] in ("ok", "cell_error")


def test_no_process_outlives_its_run(attacked: tuple[Outcome, Path, list[str]]) -> None:
    running = [p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()]
    assert not [line for line in running if b"dragon-daemon-marker" in line]


@pytest.mark.parametrize("student", ["links_out", "pipes_out", "writes_deep_json"])
def test_a_file_that_is_none_is_refused_with_a_reason(attacked: tuple[Outcome, Path, list[str]], student: str) -> None:
    feedback = [c["feedback"] for c in attacked[0].results[student]["checks"] if c["exercise"] == "stats" and c["status"] == "failed"]
    assert feedback and "stats.json" in feedback[0]


def test_control_characters_do_not_reach_the_terminal(attacked: tuple[Outcome, Path, list[str]]) -> None:
    text = json.dumps(attacked[0].results["writes_escapes"], ensure_ascii=False) + attacked[0].output
    assert "\x1b]0;" not in text and "\u202e" not in text and "owned" in text


def test_objects_that_equal_everything_earn_nothing(attacked: tuple[Outcome, Path, list[str]]) -> None:
    result, bystander = attacked[0].results["equals_everything"], attacked[0].results["bystander"]
    assert result["status"] == "graded" and result["score"] < bystander["score"]
    passed = {c["id"] for c in result["checks"] if c["status"] == "passed"}
    assert passed <= {c["id"] for c in bystander["checks"] if c["status"] == "passed"}


def test_metadata_decides_nothing(attacked: tuple[Outcome, Path, list[str]]) -> None:
    result = attacked[0].results["metadata"]
    assert result["score"] == result["max_score"]
    assert not Path("/tmp/owned").exists()


def test_nothing_hidden_is_in_what_a_student_is_given(attacked: tuple[Outcome, Path, list[str]]) -> None:
    given = json.dumps(attacked[0].results, ensure_ascii=False)
    notes = (ROOT / "reference" / "data" / "private_notes.jsonl").read_text(encoding="utf-8").splitlines()
    for note in notes:
        assert json.loads(note)["description"][:40] not in given
    assert str(ROOT) not in given and "Traceback" not in given
