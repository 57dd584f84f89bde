"""Runs one notebook with nbclient, inside the box, with a kernel that is a fork of this process.

In: a job (cells, exercises, limits) and a control socket. Out: evidence files, and a line per event on the socket.
It grades nothing, and the supervisor believes nothing that it says beyond "this is what the notebook claims".
"""

import ast
import asyncio
import json
import os
import signal
import socket
import time
from typing import Any

import nbformat
from ipykernel.kernelapp import IPKernelApp
from IPython.core.inputtransformer2 import TransformerManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from . import kernel

MAX_TIMEOUTS = 2  # cells that may run into their limit before the rest of the notebook is given up
INTERRUPT_GRACE_S = 5
CPU_TICK_S = 0.5
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class ForkedKernel(LocalProvisioner):
    """The kernel is a fork of this process, so what the warm parent imported is there already."""

    _child: int | None = None

    @property
    def has_process(self) -> bool:
        return self._child is not None

    async def launch_kernel(self, cmd: list[str], **_: Any) -> Any:
        connection_file = cmd[cmd.index("-f") + 1]
        child = os.fork()
        if child == 0:
            asyncio._set_running_loop(None)
            asyncio.set_event_loop(None)
            kernel.become_kernel(connection_file, IPKernelApp)
        self._child = self.pid = child
        return self.connection_info

    async def poll(self) -> int | None:
        if self._child is None:
            return 0
        done, status = os.waitpid(self._child, os.WNOHANG)
        if not done:
            return None
        self._child = None
        return os.waitstatus_to_exitcode(status)

    async def wait(self) -> int:
        while await self.poll() is None:
            await asyncio.sleep(0.01)
        return 0

    async def send_signal(self, signum: int) -> None:
        if self._child is not None:
            os.kill(self._child, signum)

    async def kill(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGKILL)

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing to clean: the box is thrown away."""


class QuietClient(NotebookClient):
    """nbclient that keeps no outputs: nothing that a notebook prints is evidence, and a flood costs no memory here."""

    def output(self, *_: Any, **__: Any) -> None:
        return None


class Driver:
    """One run. `job` is what the supervisor asked for; see `grader.runs.Job`."""

    def __init__(self, job: dict[str, Any], control: socket.socket) -> None:
        self.job = job
        self.control = control
        self.owners: dict[str, str | None] = {n: e["id"] for e in job["exercises"] for n in e["defines"]}
        self.reply: dict[str, Any] = {}
        self.has_spent_its_time = False  # the cell that runs now
        self.kept_from: dict[str, str] = {}  # name → "owner", "other" or "handed out"

    def say(self, **event: Any) -> None:
        self.control.sendall(json.dumps(event).encode() + b"\n")

    async def run(self) -> None:
        cells = [nbformat.v4.new_code_cell(c["source"]) for c in self.job["cells"]]
        notebook = nbformat.v4.new_notebook(cells=cells)
        KernelProvisionerFactory.instance().create_provisioner_instance = lambda kernel_id, kernel_spec, parent: ForkedKernel(
            kernel_id=kernel_id, kernel_spec=kernel_spec, parent=parent
        )
        manager = AsyncKernelManager(
            kernel_name="python3", transport="ipc", connection_file=f"{self.job.get('scratch', '/tmp')}/kernel.json"
        )
        client = QuietClient(
            notebook, km=manager, timeout=self.job["cell_timeout_s"], startup_timeout=60, allow_errors=True, kernel_name="python3"
        )
        client.on_cell_executed = self._remember_reply
        async with client.async_setup_kernel():
            alive = await self._run_cells(client)
            if alive:
                self.say(event="cells_done")
                await self._run_probes(client)
        self.say(event="finished")

    def _remember_reply(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        self.reply = execute_reply["content"]

    async def _run_cells(self, client: NotebookClient) -> bool:
        """True when the kernel is still there after the last cell."""
        timeouts = 0
        for index, (cell, given) in enumerate(zip(client.nb.cells, self.job["cells"], strict=True)):
            self.reply = {"status": "ok"}
            started = time.monotonic()
            self.say(event="cell", index=index)
            self.has_spent_its_time = False
            watch = asyncio.create_task(self._watch_cpu(client))
            try:
                await client.async_execute_cell(cell, index, store_history=False)
                outcome = {"status": "timeout" if self.has_spent_its_time else self.reply["status"]}
                timeouts += self.has_spent_its_time
                if outcome["status"] == "error":
                    outcome |= {"ename": str(self.reply.get("ename"))[:100], "evalue": str(self.reply.get("evalue"))[:500]}
            except CellTimeoutError:
                timeouts += 1
                outcome = {"status": "timeout"}
            except DeadKernelError:
                self.say(event="cell_done", index=index, status="died", seconds=time.monotonic() - started)
                return False
            finally:
                watch.cancel()
            self.say(event="cell_done", index=index, seconds=time.monotonic() - started, **outcome)
            if outcome["status"] == "timeout" and (timeouts >= MAX_TIMEOUTS or not await self._interrupt(client)):
                return False
            if not await self._keep(client, given):
                return False
        return True

    async def _watch_cpu(self, client: NotebookClient) -> None:
        """Interrupt the cell once the kernel has used its processor time: a busy machine slows the clock's time, and not this."""
        pid = client.km.provisioner.pid
        used = cpu_seconds(pid)
        while cpu_seconds(pid) - used <= self.job["cell_cpu_s"]:
            await asyncio.sleep(CPU_TICK_S)
        self.has_spent_its_time = True
        await client.km.provisioner.send_signal(signal.SIGINT)

    async def _interrupt(self, client: NotebookClient) -> bool:
        await client.km.provisioner.send_signal(signal.SIGINT)
        return await self._silently(client, "None", INTERRUPT_GRACE_S)

    async def _keep(self, client: NotebookClient, given: dict[str, Any]) -> bool:
        names = self._names_to_keep(given)
        if not names:
            return True
        code = f"__import__('boxed.capture', fromlist=['keep']).keep({names!r}, globals(), {self.job['evidence']!r})"
        return await self._silently(client, code, self.job["cell_timeout_s"])

    def _names_to_keep(self, given: dict[str, Any]) -> list[str]:
        """Exercise names that this cell defines, and whose value now is the one that counts.

        The exercise's own cell counts whenever the student edited it; any other cell only while nothing but the handed-out
        text has defined the name. So a moved or copied solution counts, and re-use of a name later changes nothing.
        """
        names = []
        for name in sorted(defined_names(given["source"]) & self.owners.keys()):
            is_owner = given["exercise"] is not None and given["exercise"] == self.owners[name] and not given["untouched"]
            if is_owner or self.kept_from.get(name) in (None, "handed out"):
                self.kept_from[name] = "owner" if is_owner else "handed out" if given["untouched"] else "other"
                names.append(name)
        return names

    async def _run_probes(self, client: NotebookClient) -> None:
        source = receive_line(self.control)
        if not source:
            return
        code = (
            f"__import__('boxed.capture', fromlist=['run_probes']).run_probes("
            f"{json.loads(source)['source']!r}, {self.job['evidence']!r}, {self.job['probe_timeout_s']}, {self.job['seed']})"
        )
        await self._silently(client, code, self.job["probes_timeout_s"])

    async def _silently(self, client: NotebookClient, code: str, timeout_s: float) -> bool:
        """Execute `code` outside the notebook's history; False when the kernel did not answer in time."""
        message = client.kc.execute(code, silent=True, store_history=False)
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if await client.km.provisioner.poll() is not None:
                return False
            try:
                reply = await client.kc.get_shell_msg(timeout=0.5)
            except Exception as error:
                if type(error).__name__ != "Empty":
                    raise
                continue
            if reply["parent_header"].get("msg_id") == message:
                return True
        return False


def defined_names(source: str) -> set[str]:
    """Names that a cell binds at its top level (assignments, definitions, imports, loops; inside if/with/try too)."""
    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names: set[str] = set()
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        if isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        pending.extend(ast.iter_child_nodes(node))
    return names


def cpu_seconds(pid: int | None) -> float:
    """Processor time of a process and the children that it has waited for; 0 once it has gone. Source: proc_pid_stat(5)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS_PER_S


def receive_line(control: socket.socket) -> bytes:
    """One line from the supervisor; empty when it hung up."""
    received = bytearray()
    while not received.endswith(b"\n"):
        chunk = control.recv(1 << 16)
        if not chunk:
            return b""
        received += chunk
    return bytes(received)
