"""Hostile notebooks, handed in through the door that students use: each attack fails, and the result says so truly.

Every attack is one more cell in an otherwise right Lab 3 notebook. What it found out or brought about (`loot`) leaves the
box in the one file that Lab 3 lets out, `stats.json`. Numbers are the rows of the threat table in SECURITY.md.
"""

import json
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grader.bubblewrap import TRUST_FLAG
from grader.source import ROOT
from tests.classes import NO_NAMESPACES, Outcome, grade, solved

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

def listing(place):
    import os
    try: return os.listdir(place)
    except OSError: return []
"""

ATTACKS: dict[str, str] = {
    # 1: look for the references, the private notes and the grader itself, everywhere, through /proc too
    "reads_references": """
import os
hits = []
for top in ["/", *[f"/proc/{p}/root" for p in listing("/proc") if p.isdigit()]]:
    for folder, folders, files in os.walk(top):
        if folder.startswith(("/proc/", "/sys")) and "/root" not in folder:
            folders[:] = []
        folders[:] = [f for f in folders if not (f == "proc" and folder.endswith(("/", "root")))]
        hits += [os.path.join(folder, f) for f in files + folders if f in ("private_notes.jsonl", "answers", "test_lab3.py", "lab3.py", "evidence.py")]
loot = {"hits": hits, "runs": sum((listing(p) for p in ("/runs", "/course", str(OUT.resolve().parents[2]) if len(OUT.resolve().parents) > 4 else "/runs")), [])}
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
    s = socket.socket(socket.AF_UNIX); s.connect("\\0dragon-PORT"); return "connected"
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
             ("clone_newuser", lambda: call(56, 0x10000000 | 17, 0, 0, 0, 0)), ("setuid", lambda: os.setuid(1)), ("chroot", lambda: os.chroot("/tmp")))
held = (ctypes.c_uint32 * 6)()
libc.capget((ctypes.c_uint32 * 2)(0x20080522, 0), held)
loot["caps"] = [*held, sum(libc.prctl(23, n, 0, 0, 0) for n in range(41))]
loot["seccomp"] = [libc.prctl(21, 0, 0, 0, 0), libc.prctl(39, 0, 0, 0, 0)]
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
for fd in listing("/proc/self/fd"):
    try: links.append(os.readlink(f"/proc/self/fd/{fd}"))
    except OSError: pass
def parents():
    return [open(f"/proc/{p}/environ").read() for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]
loot = {"environ": dict(os.environ), "links": links, "pids": [p for p in listing("/proc") if p.isdigit()], **tried(("others", parents), ("driver_fds", lambda: os.listdir("/proc/1/fd")))}
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
    # cross-student: take the processors from whoever runs beside
    "hogs_the_processors": """
import os, subprocess, sys, time
busy = [subprocess.Popen([sys.executable, "-ISc", "while True: pass"]) for _ in range(50)]
loot = {"cores": len(os.sched_getaffinity(0)), **tried(("widen", lambda: os.sched_setaffinity(0, range(os.cpu_count()))))}
time.sleep(5)
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
    # 34: pictures and HTML in its output
    "shows_html": """
from IPython.display import HTML, display
display(HTML("<script>alert('owned')</script><img src=x onerror=alert(1)>"))
loot = {}
raise ValueError("<b>no picture</b>")
""",
    # 21: a file that changes for as long as anything of the run lives
    "rewrites_its_file": """
import subprocess, sys
code = "import itertools, sys\\nfor n in itertools.count(): open(sys.argv[1], 'w').write('[' * (n % 900) + ']' * (n % 900 - n % 2))"
subprocess.Popen([sys.executable, "-c", code, str((OUT / "stats.json").resolve())], start_new_session=True)
loot = None
""",
    # timing: take the hidden inputs when they come, and carry them out
    "waits_for_the_hidden_inputs": """
import builtins, json, threading, time
stolen, real = [], compile
def spy(source, *rest, **options):
    if isinstance(source, str): stolen.append(source)
    return real(source, *rest, **options)
builtins.compile = spy
def carry():
    for _ in range(6000):
        caught = {text[:2000]: 1 for text in stolen if "@probe" in text}
        if caught: (OUT / "stats.json").write_text(json.dumps({"documents": caught, "sources": caught, "tokens": caught}))
        time.sleep(0.01)
threading.Thread(target=carry, daemon=True).start()
loot = None
""",
    # cross-student: kill all that can be reached, and spoil what the next fork would inherit
    "kills_everyone": """
import boxed.capture, boxed.encode, os, signal
boxed.encode.encode = boxed.capture.encode = lambda value: ("spoilt", {})
try: os.kill(-1, signal.SIGKILL)
except OSError: pass
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


@dataclass(frozen=True, slots=True)
class Attacked:
    """A class of attackers after grading. tier: 2 stands for 2 and 3."""

    outcome: Outcome
    folder: Path
    visitors: list[str]
    tier: int

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        return self.outcome.results


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
    abstract.bind(f"\0dragon-{tcp.getsockname()[1]}")
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


HOSTS = {"as it is": ((), ()), "without namespaces": (NO_NAMESPACES, (TRUST_FLAG,))}
NOT_PROMISED_AT_TIER_1 = ("forks_without_end", "fills_the_disk")  # counted by no one as root; seen by the watchdog, not refused


@pytest.fixture(scope="module", params=HOSTS)
def attacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, store: Path) -> Iterator[Attacked]:
    host, options = HOSTS[request.param]
    if host and subprocess.run([*host, "true"], capture_output=True).returncode != 0:
        pytest.skip("this host lets no one make the namespace in which namespaces are forbidden")
    folder = tmp_path_factory.mktemp("attacks")
    os.environ["DRAGON_TEST_SECRET"] = CANARY
    try:
        with listening() as (port, visitors):
            document = solved(LAB)
            document["metadata"]["kernelspec"] = {"name": "evil", "argv": ["/bin/sh", "-c", f"touch {folder}/owned"]}
            for cell in document["cells"]:
                cell["metadata"]["tags"] = ["raises-exception", "skip-execution", "install"]
                if cell["cell_type"] == "code":
                    cell["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": {"text/html": "<script>alert(1)</script>"}}]
            chosen = [name for name in ATTACKS if not host or name not in NOT_PROMISED_AT_TIER_1]
            notebooks: dict[str, str | bytes] = {name: attack(ATTACKS[name], port) for name in chosen}
            notebooks |= {"metadata": json.dumps(document), "bystander": json.dumps(solved(LAB))}
            outcome = grade(folder, LAB, notebooks, store / request.param.replace(" ", "-"), "--cell-timeout", "20", *options, host=host)
            yield Attacked(outcome, folder, visitors, tier=1 if host else 2)
    finally:
        del os.environ["DRAGON_TEST_SECRET"]


def loot_of(attacked: Attacked, student: str) -> dict[str, Any]:
    staff = json.loads((attacked.folder / "results" / f"lab{LAB}" / "staff" / f"{student}.json").read_text())
    loot: dict[str, Any] = json.loads((Path(staff["evidence"]) / "out" / f"lab{LAB}" / "stats.json").read_text())
    return loot


def refused(loot: dict[str, Any], *names: str) -> bool:
    return all(str(loot[name]).startswith("refused") for name in names)


def test_every_attacker_has_one_result(attacked: Attacked) -> None:
    left_out = set() if attacked.tier == 2 else set(NOT_PROMISED_AT_TIER_1)
    assert set(attacked.results) == {*ATTACKS, "metadata", "bystander"} - left_out, attacked.outcome.output
    held = {student for student, r in attacked.results.items() if r["status"] == "held"}
    assert held <= {"kills_everyone"}  # it spoils its own evidence so that checks cannot read it, which is for people to look at
    assert {r["run"]["sandbox"]["tier"] for r in attacked.results.values()} <= ({2, 3} if attacked.tier == 2 else {1})


def test_a_bystander_keeps_full_marks(attacked: Attacked) -> None:
    result = attacked.results["bystander"]
    assert result["score"] == result["max_score"]


def test_references_and_private_notes_are_nowhere_in_the_box(attacked: Attacked) -> None:
    loot = loot_of(attacked, "reads_references")
    assert loot["hits"] == []
    assert loot["runs"] == []


def test_a_forged_score_changes_nothing(attacked: Attacked) -> None:
    results = attacked.results
    assert results["forges_a_score"]["score"] < results["bystander"]["score"]
    assert results["forges_a_score"]["max_score"] == results["bystander"]["max_score"]


def test_no_socket_reaches_the_host_or_beyond(attacked: Attacked) -> None:
    assert refused(loot_of(attacked, "opens_sockets"), "loopback", "abstract", "outside", "vsock", "packet", "alg")
    assert attacked.visitors == []


def test_privileged_system_calls_are_refused(attacked: Attacked) -> None:
    loot = loot_of(attacked, "calls_the_kernel")
    assert set(loot.pop("caps")) == {0}  # effective, permitted, inheritable, and what could be gained
    assert loot.pop("seccomp") == [2, 1]  # a filter, and no new privileges
    assert refused(loot, *loot), loot


def test_nothing_that_others_read_can_be_written(attacked: Attacked) -> None:
    loot = loot_of(attacked, "writes_where_others_read")
    own = {"data", "train"} if attacked.tier == 1 else set()  # there a run has copies of its own
    assert refused(loot, *(loot.keys() - own)), loot


def test_neither_the_environment_nor_descriptors_leak(attacked: Attacked) -> None:
    loot = loot_of(attacked, "reads_the_environment")
    assert CANARY not in json.dumps(loot)
    assert refused(loot, "others", "driver_fds")
    assert not [link for link in loot["links"] if link.startswith("/") and not link.startswith(("/dev/", "/work", "/proc", "/tmp"))]
    assert len(loot["pids"]) <= 3  # at tier 1 none: /proc cannot be listed


def test_a_fork_bomb_meets_its_limit(attacked: Attacked) -> None:
    if attacked.tier < 2:
        pytest.skip("not promised at tier 1: SECURITY.md")
    run = attacked.results["forks_without_end"]["run"]  # on a small machine the memory of so many forks ends it first
    assert run["status"] == "out_of_memory" or loot_of(attacked, "forks_without_end")["children"] <= 256


def test_one_who_takes_the_processors_takes_his_own_only(attacked: Attacked) -> None:
    loot = loot_of(attacked, "hogs_the_processors")
    assert refused(loot, "widen") and (loot["cores"] < len(os.sched_getaffinity(0)) or loot["cores"] == 1)


def test_disk_limits_hold(attacked: Attacked) -> None:
    if attacked.tier < 2:
        pytest.skip("not promised at tier 1: SECURITY.md")
    assert refused(loot_of(attacked, "fills_the_disk"), "terabyte", "scratch")


def test_the_driver_cannot_be_killed_from_inside(attacked: Attacked) -> None:
    assert attacked.results["stops_the_driver"]["run"]["status"] in ("ok", "cell_error")


def test_no_process_outlives_its_run(attacked: Attacked) -> None:
    running = [p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()]
    assert not [line for line in running if b"dragon-daemon-marker" in line]
    ours = f"insert(0, '{ROOT}/grader'); from boxed.parent".encode()  # what a kernel without a PID namespace is called
    assert not [line for line in running if ours in line]


@pytest.mark.parametrize("student", ["links_out", "pipes_out", "writes_deep_json"])
def test_a_file_that_is_none_is_refused_with_a_reason(attacked: Attacked, student: str) -> None:
    feedback = [c["feedback"] for c in attacked.results[student]["checks"] if c["exercise"] == "stats" and c["status"] == "failed"]
    assert feedback and "stats.json" in feedback[0]


def test_control_characters_do_not_reach_the_terminal(attacked: Attacked) -> None:
    text = json.dumps(attacked.results["writes_escapes"], ensure_ascii=False) + attacked.outcome.output
    assert "\x1b]0;" not in text and "\u202e" not in text and "owned" in text


def test_objects_that_equal_everything_earn_nothing(attacked: Attacked) -> None:
    result, bystander = attacked.results["equals_everything"], attacked.results["bystander"]
    assert result["status"] == "graded" and result["score"] < bystander["score"]
    passed = {c["id"] for c in result["checks"] if c["status"] == "passed"}
    assert passed <= {c["id"] for c in bystander["checks"] if c["status"] == "passed"}


def test_metadata_decides_nothing(attacked: Attacked) -> None:
    result = attacked.results["metadata"]
    assert result["score"] == result["max_score"]
    assert not (attacked.folder / "owned").exists()


def test_html_of_a_notebook_reaches_nobody(attacked: Attacked) -> None:
    text = json.dumps(attacked.results)
    assert "onerror" not in text and "alert(" not in text
    assert "no picture" in attacked.results["shows_html"]["run"]["message"]  # as text, in JSON, which renders nothing


def test_a_file_that_changes_until_the_end_is_read_as_it_was_left(attacked: Attacked) -> None:
    statuses = {c["status"] for c in attacked.results["rewrites_its_file"]["checks"] if c["exercise"] == "stats"}
    assert statuses == {"failed"}


def test_hidden_inputs_that_were_caught_do_not_come_back(attacked: Attacked) -> None:
    staff = json.loads((attacked.folder / "results" / f"lab{LAB}" / "staff" / "waits_for_the_hidden_inputs.json").read_text())
    left = (Path(staff["evidence"]) / "out" / f"lab{LAB}" / "stats.json").read_text()
    assert "Hidden inputs of Lab" not in left  # it is read before they come


def test_what_was_lost_and_why_is_said_in_words(attacked: Attacked) -> None:
    for student, result in attacked.results.items():
        run = result["run"]
        assert run["status"] == "ok" or run["message"].endswith((".", "hold")), f"{student}: {run}"
        for check in result["checks"]:
            assert check["status"] == "passed" or re.search(r"\w[^.]{15,}[.]$", check["feedback"]), f"{student}: {check}"


def test_killing_and_spoiling_all_in_reach_hurts_nobody_else(attacked: Attacked) -> None:
    bystander = attacked.results["bystander"]
    assert attacked.results["kills_everyone"]["score"] < bystander["score"] == bystander["max_score"]


def test_nothing_of_the_machine_is_in_what_a_student_is_given(attacked: Attacked) -> None:
    given = json.dumps(attacked.results, ensure_ascii=False)  # what is hidden of the course is looked for in every class: tests/classes.py
    assert str(ROOT) not in given and "Traceback" not in given
