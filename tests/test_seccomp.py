"""Every rule of the system call filter, taken away alone: the call that it refuses must then reach the kernel.

Each call is made with arguments that no kernel accepts (-1), in a process that keeps the privileges it has, once under the
whole filter and once under the filter without that rule. What is told is the error number: the filter's, or the kernel's.
"""

import errno
import json
import os
import subprocess
import sys

import pytest

from grader.boxed import isolate
from grader.bubblewrap import BOXED

SCRIPT = """
import ctypes, json, os, sys
sys.path.insert(0, sys.argv[1])
from boxed import isolate
libc = ctypes.CDLL(None, use_errno=True)
column = 0 if isolate.platform.machine() == "x86_64" else 1
def numbers(name): return getattr(isolate, name)[isolate.platform.machine()]

def told(call, weaken, **options):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        weaken()
        libc.prctl(isolate.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        isolate.filter_calls(**options)
        ctypes.set_errno(0)
        result = libc.syscall(*[ctypes.c_long(word) for word in call])
        os.write(write, str(ctypes.get_errno() if result == -1 else 0).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    return int(os.read(read, 8) or -1)

WITHOUT_SIGHAND = 0x10000  # CLONE_THREAD alone, which clone refuses
SPECIAL = {
    "clone into a namespace": ("_NAMESPACE_FLAGS", 0, [numbers("_CLONE"), isolate.NEWUSER | WITHOUT_SIGHAND, 0, 0, 0, 0], {}),
    "clone3": ("_CLONE3", 0xFFFF, [435, -1, -1], {}),
    "x32": ("_X32", 0xFFFFFFFF, [0x40000000 + 39], {}),
    "AF_VSOCK": ("_SOCKET_FAMILIES_DENIED", (38, 17), [numbers("_SOCKET"), 40, -1, -1], {}),
    "AF_ALG": ("_SOCKET_FAMILIES_DENIED", (40, 17), [numbers("_SOCKET"), 38, -1, -1], {}),
    "AF_PACKET": ("_SOCKET_FAMILIES_DENIED", (40, 38), [numbers("_SOCKET"), 17, -1, -1], {}),
    "AF_INET without a network": ("_INTERNET", (10,), [numbers("_SOCKET"), 2, -1, -1], {"has_network": False}),
    "AF_INET6 without a network": ("_INTERNET", (2,), [numbers("_SOCKET"), 10, -1, -1], {"has_network": False}),
    "TIOCSTI": ("_TTY_INJECTION", (0x541C,), [numbers("_IOCTL"), -1, 0x5412, 0], {}),
    "TIOCLINUX": ("_TTY_INJECTION", (0x5412,), [numbers("_IOCTL"), -1, 0x541C, 0], {}),
}
found = {}
for name, both in isolate.DENIED.items():
    call = [both[column], -1, -1, -1, -1, -1, -1]
    found[name] = [told(call, lambda: None), told(call, lambda name=name: isolate.DENIED.pop(name))]
for name, (constant, weak, call, options) in SPECIAL.items():
    found[name] = [told(call, lambda: None, **options), told(call, lambda c=constant, w=weak: setattr(isolate, c, w), **options)]
print(json.dumps(found))
"""
SPECIAL = (
    "clone into a namespace", "clone3", "x32", "AF_VSOCK", "AF_ALG", "AF_PACKET", "AF_INET without a network",
    "AF_INET6 without a network", "TIOCSTI", "TIOCLINUX",
)  # fmt: skip
ONLY_ROOT_GETS_FURTHER = {
    "acct", "swapon", "syslog", "quotactl", "kexec_load", "init_module", "finit_module", "open_by_handle_at", "pivot_root", "chroot",
    "mount", "umount2", "setns", "fsopen", "fsmount", "move_mount", "open_tree", "mount_setattr", "perf_event_open", "bpf", "userfaultfd",
}  # fmt: skip
"""The kernel asks for a capability before it looks at the arguments: for anyone else there are two layers."""


@pytest.fixture(scope="module")
def told() -> dict[str, list[int]]:
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(BOXED.parent)], capture_output=True, text=True, check=True)
    found: dict[str, list[int]] = json.loads(done.stdout)
    return found


def test_every_rule_is_tried(told: dict[str, list[int]]) -> None:
    assert set(told) == {*isolate.DENIED, *SPECIAL}


@pytest.mark.parametrize("rule", [*isolate.DENIED, *SPECIAL])
def test_without_its_rule_a_call_reaches_the_kernel(rule: str, told: dict[str, list[int]], matrix: dict[str, str]) -> None:
    refused, reached = told[rule]
    matrix[f"the filter without {rule}"] = f"the call reaches the kernel, which says {errno.errorcode.get(reached, 'yes')}"
    assert refused == (errno.ENOSYS if rule == "clone3" else errno.EPERM)
    if os.getuid() != 0 and rule in ONLY_ROOT_GETS_FURTHER:
        pytest.skip("only root can take away the layer behind this rule")
    assert reached not in (refused, -1), f"{rule}: {errno.errorcode.get(reached, reached)}"
