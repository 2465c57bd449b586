"""The whole state of a run in one safetensors file. It is replaced in one move: a reader finds all of it or none."""

import errno
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn
from torch.amp import GradScaler

from benchmark.specs.artefacts import CHECKPOINT, LOSSES
from benchmark.system import replace_synced

FILE = CHECKPOINT


@dataclass(frozen=True)
class State:
    """What a checkpoint holds beside weights: the loss of every step done, the seconds they took, the method's own
    statistics of the last one, and the steps at which an earlier checkpoint was gone on from."""

    losses: list[float]
    seconds: float
    statistics: dict[str, float] = field(default_factory=dict)
    resumed: tuple[int, ...] = ()


def save(
    folder: Path, identity: str, learner: nn.Module, optimiser: torch.optim.Optimizer, scaler: GradScaler, state: State
) -> None:
    """Write the checkpoint of the run called `identity` into `folder`, with the digest of all of it (0.63 s/GB)."""
    tensors = {f"learner/{name}": tensor for name, tensor in learner.state_dict().items()}
    for index, values in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{name}": torch.as_tensor(value) for name, value in values.items()}
    tensors[LOSSES] = torch.tensor(state.losses, dtype=torch.float64)
    words = {
        "identity": identity,
        "seconds": state.seconds,
        "statistics": state.statistics,
        "resumed": state.resumed,
        "scaler": scaler.state_dict(),
    }
    words["sha256"] = _sha256(tensors, words)
    write(folder / FILE, tensors, {name: json.dumps(value) for name, value in words.items()})


def _sha256(tensors: dict[str, torch.Tensor], words: dict[str, Any]) -> str:
    """SHA-256 of tensors with their names and forms, and of the words beside them."""
    total = hashlib.sha256(json.dumps(words, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(flat.view(torch.uint8).numpy().data)
    return total.hexdigest()


def write(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    """Save `tensors` aside and rename once they are on the disk; they may be on any device and in any memory format."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    try:
        save_file(copies, aside, metadata)
        replace_synced(aside, path)
    except SafetensorError as error:
        if os.strerror(errno.ENOSPC) in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise
    finally:
        aside.unlink(missing_ok=True)


def load(
    folder: Path, identity: str, learner: nn.Module, optimiser: torch.optim.Optimizer, scaler: GradScaler
) -> State | None:
    """Put the checkpoint in `folder` back into `learner`, `optimiser` and `scaler`; None where there is none of the run
    called `identity`, or one that is damaged."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            words = {name: json.loads(value) for name, value in (file.metadata() or {}).items()}
            if words.get("identity") != identity:
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, json.JSONDecodeError):
        return None
    if words.pop("sha256", None) != _sha256(tensors, words):
        return None
    learner.load_state_dict(_under("learner/", tensors))
    _restore(optimiser, _under("optimiser/", tensors))
    scaler.load_state_dict(words["scaler"])
    return State(tensors[LOSSES].tolist(), words["seconds"], words["statistics"], tuple(words["resumed"]))


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _restore(optimiser: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split("/", 1)
        parameter = parameters[int(index)]
        # In the parameter's memory format: the order of a buffer's elements decides how they are summed and vectorised.
        same = torch.empty_like(parameter, dtype=tensor.dtype) if tensor.shape == parameter.shape else None
        state.setdefault(int(index), {})[key] = tensor if same is None else same.copy_(tensor)
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
