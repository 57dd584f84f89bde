"""The measuring process: perplexity of the base and of submitted adapters on the private split, in a box of its own.

One process holds one base and measures a class, one request after another. `serve` is its loop, `Measurer` the trusted
side. An adapter comes as bytes over a pipe and is applied by hand to the hash-verified base; nothing of a student's is
imported, rendered or resolved as a path.
"""

import hashlib
import json
import struct
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from .errors import BoxError, GraderError, Rejected
from .gate import Adapter, parse_adapter
from .records import Measurement

if TYPE_CHECKING:
    import torch

TRAIN_BLOCKS = 24  # blocks of the training set whose loss is compared with the log; enough for ±3 % at either profile


class Measurer:
    """Starts the measuring process and asks it. Use as a context manager.

    base: the base model's folder; private: JSONL of hidden notes; inputs: reference's `inputs/` folder.
    max_tokens: how many tokens of the private split are scored. device: `cpu` or `cuda`.
    """

    def __init__(
        self,
        command: list[str],
        *,
        base: str,
        base_sha256: str,
        private: str,
        inputs: str,
        max_tokens: int,
        window: int,
        stride: int,
        threads: int,
        device: str = "cpu",
    ) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, cwd="/")
        self._hello = {
            "base": base, "base_sha256": base_sha256, "private": private, "inputs": inputs, "max_tokens": max_tokens,
            "window": window, "stride": stride, "threads": threads, "device": device,
        }  # fmt: skip

    def __enter__(self) -> "Measurer":
        self._send(json.dumps(self._hello).encode())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()

    def is_alive(self) -> bool:
        """False once the process has gone, whatever took it."""
        return self._process.poll() is None

    def measure(self, config: bytes, tensors: bytes) -> Measurement:
        """The grader's numbers for one adapter. Raises BoxError when the process is gone, GraderError when it broke."""
        self._send(config)
        self._send(tensors)
        answer = _receive(self._pipe(self._process.stdout))
        if answer is None:
            raise BoxError("the measuring process ended while it measured an adapter")
        document = json.loads(answer)
        if "broken" in document:
            raise GraderError(f"measuring failed: {document['broken']}")
        return Measurement(**document)

    def _send(self, data: bytes) -> None:
        try:
            _send(self._pipe(self._process.stdin), data)
        except BrokenPipeError:
            raise BoxError("the measuring process is gone") from None

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until the pipe is closed: frames of 8-byte length and bytes."""
    hello = _receive(requests)
    if hello is None:
        return
    bench: Bench | None = None
    broken = ""
    try:
        bench = Bench(**json.loads(hello))
    except (GraderError, OSError, ValueError) as error:
        broken = str(error)
    while (config := _receive(requests)) is not None:
        tensors = _receive(requests) or b""
        try:
            answer = asdict(bench.measure(config, tensors)) if bench else {"broken": broken}
        except Rejected as error:
            answer = {"problem": f"Your adapter was refused: {error}."}
        _send(answers, json.dumps(answer).encode())


class Bench:
    """The base in memory with the private split tokenized, its own numbers measured once."""

    def __init__(
        self,
        *,
        base: str,
        base_sha256: str,
        private: str,
        inputs: str,
        max_tokens: int,
        window: int,
        stride: int,
        threads: int,
        device: str,
    ) -> None:
        found = hashlib.sha256(Path(base, "model.safetensors").read_bytes()).hexdigest()
        if found != base_sha256:
            raise GraderError(f"the base model in {base} has sha256 {found}; expected {base_sha256}. Fetch it again: dragon model")
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.set_num_threads(threads)
        self.window, self.stride = window, stride
        tokenizer = AutoTokenizer.from_pretrained(base)
        self.model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        self.model.train(False).to(device)
        self.linear = {n: m for n, m in self.model.named_modules() if isinstance(m, torch.nn.Linear)}
        self.shapes = {n: tuple(m.weight.shape) for n, m in self.linear.items()}
        self.documents = private_documents(Path(private), tokenizer, max_tokens)
        self.inputs = Path(inputs)
        self.base_perplexity = self._perplexity()  # while the notebooks still run

    def measure(self, config: bytes, tensors: bytes) -> Measurement:
        """Validate, apply, score, restore. Raises Rejected."""
        adapter = parse_adapter(config, tensors, self.shapes)
        base_train_loss = self._base_train_loss
        kept = self._apply(adapter)
        try:
            perplexity, train_loss = self._perplexity(), self._train_loss()
        finally:
            for name, weight in kept.items():
                self.linear[name].weight.data = weight
        return Measurement(
            adapter=adapter.facts(),
            base_perplexity=self.base_perplexity,
            tuned_perplexity=perplexity,
            base_train_loss=base_train_loss,
            tuned_train_loss=train_loss,
            tokens=sum(len(d) - 1 for d in self.documents),
        )

    @cached_property
    def _base_train_loss(self) -> float:
        return self._train_loss()

    @cached_property
    def _blocks(self) -> list[list[int]]:
        return train_blocks(self.inputs)

    def _apply(self, adapter: Adapter) -> Mapping[str, "torch.Tensor"]:
        """Put W + scale · B @ A in place of each adapted W; returns the untouched weights."""
        import torch

        kept = {}
        for name, (a, b) in adapter.pairs.items():
            weight = self.linear[name].weight.data
            kept[name] = weight
            update = adapter.scale * (torch.from_numpy(b).to(weight.device) @ torch.from_numpy(a).to(weight.device))
            self.linear[name].weight.data = weight + update.to(weight.dtype)
        return kept

    def _perplexity(self) -> float:
        from .perplexity import score_documents

        return score_documents(self.model, self.documents, window=self.window, stride=self.stride).perplexity

    def _train_loss(self) -> float:
        """Mean nats per token on blocks of the training set; 0 where there are none."""
        from .perplexity import score_documents

        if not self._blocks:
            return 0.0
        size = len(self._blocks[0])
        blocks = score_documents(self.model, self._blocks, window=size, stride=size - 1)
        return blocks.nats / blocks.tokens


def private_documents(path: Path, tokenizer: Any, max_tokens: int) -> list[list[int]]:
    """Token ids of the private notes, each closed by EOS, as many whole notes as stay within `max_tokens`."""
    documents: list[list[int]] = []
    used = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        ids = tokenizer(json.loads(line)["description"], add_special_tokens=False, verbose=False)["input_ids"] + [tokenizer.eos_token_id]
        if documents and used + len(ids) > max_tokens:
            continue
        documents.append(ids)
        used += len(ids)
    return documents


def train_blocks(inputs: Path) -> list[list[int]]:
    """Evenly spaced blocks of the packed training set of Lab 3; empty where the lab has none."""
    path = inputs / "lab3" / "train_blocks.parquet"
    if not path.exists():
        return []
    import pyarrow.parquet

    rows: list[list[int]] = pyarrow.parquet.read_table(path, columns=["input_ids"])["input_ids"].to_pylist()
    return rows[:: max(1, len(rows) // TRAIN_BLOCKS)][:TRAIN_BLOCKS]


def _send(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(struct.pack("<Q", len(data)) + data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes | None:
    header = pipe.read(8)
    if len(header) < 8:
        return None
    (size,) = struct.unpack("<Q", header)
    return pipe.read(size)


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
