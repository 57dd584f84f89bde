"""The machine's NVIDIA GPUs as a box shows them: device nodes, names, driver. Nothing here starts CUDA, after which nobody may fork.

Source: the kernel module's files below /proc/driver/nvidia, which containers have too.
"""

import os
from dataclasses import dataclass
from pathlib import Path

SHARED = ("/dev/nvidiactl", "/dev/nvidia-uvm")  # all GPUs'; tools, capabilities and modeset are for nobody in a box
_DRIVER = Path("/proc/driver/nvidia")
ENVIRONMENT = {
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # asking whether there is a GPU does not start CUDA in the warm parent
    "TRITON_CACHE_DIR": "/tmp/triton",
    "CUDA_CACHE_PATH": "/tmp/cuda",
}
STARTS_CUDA = ("unsloth", "bitsandbytes", "peft", "trl", "transformers")  # or must be imported after what does
TRIAL = "import torch; torch.zeros(8, device='cuda').sum().item()"


@dataclass(frozen=True, slots=True)
class Gpus:
    """What was found. nodes: one device node a GPU, in the order of `names`."""

    nodes: tuple[str, ...]
    names: tuple[str, ...]
    driver: str

    def describe(self) -> str:
        """`2 × NVIDIA H100 80GB HBM3, driver 580.159.04`; one kind a machine."""
        count = f"{len(self.names)} × " if len(self.names) > 1 else ""
        return f"{count}{self.names[0]}, driver {self.driver}"

    def environment(self) -> dict[str, str]:
        """What a box's processes need to find the driver's libraries, where the system's linker does not know them."""
        folders = [f for f in os.environ.get("LD_LIBRARY_PATH", "").split(":") if f.startswith("/usr/")]
        return ENVIRONMENT | ({"LD_LIBRARY_PATH": ":".join(folders)} if folders else {})


def find(driver: Path = _DRIVER) -> Gpus | None:
    """This machine's GPUs whose device nodes are there; None without any."""
    found = []
    for information in sorted((driver / "gpus").glob("*/information")):
        fields = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in information.read_text().splitlines())}
        node = f"/dev/nvidia{fields.get('Device Minor', '')}"
        if os.path.exists(node):
            found.append((node, fields.get("Model", "NVIDIA GPU")))
    if not found:
        return None
    words = (driver / "version").read_text().partition("\n")[0].split()
    version = next((word for word in words if word[0].isdigit() and "." in word), "of unknown version")
    return Gpus(tuple(node for node, _ in found), tuple(name for _, name in found), version)
