"""The environment that a record names: packages, commit, hardware. Names of people, hosts and folders stay out."""

import os
import platform
import shlex
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "simcore-benchmark",
    "torch",
    "torchvision",
    "timm",
    "lightly",
    "solo-learn",
    "lightning",
    "numpy",
    "scikit-learn",
    "faiss-cpu",
    "faiss-gpu",
    "pillow",
    "datasets",
)


@cache
def packages() -> dict[str, str]:
    """Versions of the packages that can move a number; those not installed are left out."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _git(*arguments: str) -> str | None:
    folder = Path(__file__).resolve().parent
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@cache
def commit() -> dict[str, object]:
    """The suite's git commit and whether its files differ from it; empty outside a checkout. A package that is
    installed below somebody's repository is not of that repository's commit: git does not track its files."""
    tracked = _git("ls-files", "--error-unmatch", Path(__file__).name)
    revision = None if tracked is None else _git("rev-parse", "HEAD")
    if revision is None:
        return {}
    return {"commit": revision, "dirty": bool(_git("status", "--porcelain", "--untracked-files=no"))}


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


@cache
def hardware(device: str) -> dict[str, object]:
    """The processor, its cores, and the accelerator when `device` is one."""
    parts: dict[str, object] = {"device": device, "cpu": _cpu_model(), "cores": os.cpu_count()}
    if device.startswith("cuda"):
        import torch

        parts["gpu"] = torch.cuda.get_device_name(device)
    return parts


def command_line() -> str:
    """The command of this suite that this process is, as it can be pasted; empty in a program of the user's."""
    program = Path(sys.argv[0])
    words = {"__main__.py": "python -m benchmark", "simcore-benchmark": "simcore-benchmark"}.get(program.name)
    if words is None or (program.name == "__main__.py" and program.parent.name != "benchmark"):
        return ""
    return f"{words} {shlex.join(sys.argv[1:])}"


def environment(device: str) -> dict[str, object]:
    """All of the above, for a record."""
    return {"packages": packages(), "git": commit(), "hardware": hardware(device)}
