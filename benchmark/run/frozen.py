"""Stage `frozen`: the weights of a network that was trained elsewhere, as an encoder of this suite."""

from pathlib import Path
from typing import cast

import timm
from safetensors.torch import load_file
from torch import nn

from benchmark.errors import UserError
from benchmark.pretrain.backbones import build
from benchmark.pretrain.checkpoint import write
from benchmark.pretrain.train import ENCODER
from benchmark.run.task import Outcome, Task
from benchmark.specs import FrozenEncoder


def run(task: Task, folder: Path) -> Outcome:
    """Write `encoder.safetensors`. UserError for weights that cannot be had or that do not fit the network."""
    spec = task.stage.spec
    assert isinstance(spec, FrozenEncoder)
    path = None if spec.sha256 is None else Path(task.local[spec.sha256])
    try:
        network = _network(spec, path)
    except Exception as error:
        # Hub clients, unpicklers and state dicts raise dozens of unrelated types.
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        where = f"in {path}" if path else "of timm (it asks the Hub: is there a network?)"
        raise UserError(
            f"the weights of {spec.backbone.name} {where} cannot be used: {reason}; "
            "give a local file with --encoder timm:NAME=FILE"
        ) from error
    write(folder / ENCODER, network.state_dict(), {})
    return Outcome(metrics={"parameters": sum(parameter.numel() for parameter in network.parameters())})


def _network(spec: FrozenEncoder, path: Path | None) -> nn.Module:
    if spec.origin == "suite":
        assert path is not None
        network = build(spec.backbone)
        network.load_state_dict(load_file(path))
        return network
    # timm's own loader takes off the classifier and knows the older forms of its checkpoints.
    overlay = None if path is None else {"file": str(path)}
    return cast(
        nn.Module, timm.create_model(spec.backbone.name, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay)
    )
