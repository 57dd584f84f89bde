"""A forked process becomes the student's IPython kernel: a fresh namespace, harmless Colab and shell stand-ins.

It is the first and last of our code that runs in the student's process before their first cell.
"""

import ctypes
import importlib.machinery
import os
import signal
import subprocess
import sys
import types
from typing import Any, NoReturn

PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
MAX_OUTPUT_CHARACTERS = 1 << 20  # of one stream; what comes after is dropped


def become_kernel(connection_file: str, application: Any) -> NoReturn:
    """Turn this fork into a kernel that listens as `connection_file` says. Never returns."""
    try:
        os.setsid()
        os.closerange(3, 256)
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # the driver hides its descriptors; the kernel may see its own
        install_stand_ins()
        application.launch_instance(argv=["-f", connection_file, "--HistoryManager.enabled=False"])
    finally:
        os._exit(0)


def install_stand_ins() -> None:
    """`google.colab`, `notebook_login` and `%pip` answer harmlessly; streams are capped."""
    colab = _package("google.colab")
    colab.drive = _package("google.colab.drive", mount=lambda *_, **__: print("(drive: nothing to mount here)"))
    colab.userdata = _package("google.colab.userdata", get=lambda *_: "")
    colab.files = _package("google.colab.files", download=lambda *_: None, upload=lambda *_, **__: {})
    colab.output = _package("google.colab.output", clear=lambda *_, **__: None)
    _package("google").colab = colab
    _cap_streams()
    from ipykernel import ipkernel

    original = ipkernel.IPythonKernel.__init__

    def start(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        for magic in ("pip", "conda", "mamba", "uv"):
            self.shell.register_magic_function(
                lambda line, name=magic: print(f"(%{name} {line.strip()[:80]}: skipped, everything is installed)"), "line", magic
            )

    ipkernel.IPythonKernel.__init__ = start
    if not _opens("/dev/ptmx"):
        from ipykernel.zmqshell import ZMQInteractiveShell

        ZMQInteractiveShell.system = _system_by_pipe  # `!command` wants a terminal, and Landlock gives none
    hub = sys.modules.get("huggingface_hub")
    if hub is not None:
        hub.notebook_login = hub.login = hub.interpreter_login = lambda *_, **__: None


def _opens(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _system_by_pipe(shell: Any, command: str) -> None:
    """IPython's `!command`: run it, show what it prints, keep its exit code as IPython does."""
    text = shell.var_expand(command, depth=1)
    done = subprocess.run(text, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    print(done.stdout.decode(errors="replace"), end="")
    shell.user_ns["_exit_code"] = done.returncode


def _package(name: str, **members: Any) -> types.ModuleType:
    module = sys.modules.get(name)
    if module is None:
        module = sys.modules[name] = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)  # find_spec, as accelerate asks, wants one
        module.__path__ = []
    for key, value in members.items():
        setattr(module, key, value)
    return module


def _cap_streams() -> None:
    from ipykernel.iostream import OutStream

    original = OutStream.write

    def write(self: Any, text: str) -> Any:
        used = getattr(self, "_dragon_written", 0)
        if not isinstance(text, str) or used > MAX_OUTPUT_CHARACTERS:
            return len(text) if isinstance(text, str) else original(self, text)
        self._dragon_written = used + len(text)
        original(self, text[: MAX_OUTPUT_CHARACTERS - used])
        return len(text)

    OutStream.write = write
