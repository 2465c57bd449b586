"""The verb `run`: one cell of Table 2."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.commands._options import (
    BackboneName,
    DataRoot,
    Device,
    EngineOption,
    EvaluationOption,
    Format,
    Jobs,
    Method,
    OpenSetOption,
    PrecisionOption,
    ProfileOption,
    ProtocolOption,
    RunOn,
    Seeds,
    Steps,
    StorePath,
    query_of,
)
from benchmark.commands.reproduce import reproduce


def verb(
    variant: Annotated[str, typer.Option("--variant", help="what is pretrained on, as `list variants` names it")],
    target: Annotated[str, typer.Option("--target", help="one target")],
    profile: ProfileOption = "smoke",
    protocol: ProtocolOption = None,
    openset: OpenSetOption = None,
    seeds: Seeds = None,
    steps: Steps = None,
    method: Method = None,
    backbone: BackboneName = None,
    engine: EngineOption = None,
    precision: PrecisionOption = None,
    data_root: DataRoot = None,
    store: StorePath = Path("runs"),
    device: Device = "auto",
    jobs: Jobs = None,
    format_: Format = "text",
    evaluation: EvaluationOption = None,
    run_on: RunOn = "local",
) -> None:
    """Measure one cell of Table 2 (one variant, one target) and print it."""
    from benchmark.execution.run import Machine

    chosen = (method, backbone, engine, precision)
    asked = ([target], [variant], openset, seeds, False, steps, *chosen, data_root, store, evaluation)
    query = query_of("2", profile, protocol, *asked)
    raise typer.Exit(reproduce(query, Machine(device, jobs, run_on), format_=format_, save=None))
