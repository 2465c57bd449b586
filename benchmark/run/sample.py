"""Stage `sample`: a sampler picks positions of the open-set; they reach the disk as positions and as item ids."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines import Random, Selection, SimCore
from baselines.core.selection import StoppedBy
from benchmark.run.artefacts import FEATURES, PICKS, POSITIONS, SCORES
from benchmark.run.task import Outcome, Task
from benchmark.specs import Draw, OracleSampling, RandomSampling, SimCoreSampling


def run(task: Task, folder: Path) -> Outcome:
    """Write positions, scores and ids of the picks, in pick order."""
    draw = task.stage.spec
    assert isinstance(draw, Draw)
    manifest = task.source("openset").manifest
    match draw.sampling:
        case SimCoreSampling():
            selection = _simcore(task, draw.sampling, draw)
        case OracleSampling():
            selection = _oracle(task, draw, len(manifest.ids))
        case RandomSampling():
            selection = Random().select(None, _Places(len(manifest.ids)), budget=_budget(task, draw), seed=draw.seed)
    np.save(folder / POSITIONS, selection.indices)
    np.save(folder / SCORES, selection.scores)
    ids = "".join(f"{manifest.ids[i]}\n" for i in selection.indices)
    header = f"# picks of {task.stage.key} in pick order, from the open-set with manifest {manifest.sha256}\n"
    (folder / PICKS).write_text(header + ids)
    metrics = {
        "size": len(selection),
        "share": len(selection) / len(manifest.ids),
        "stopped_by": selection.stopped_by,
        "picks_sha256": hashlib.sha256(ids.encode()).hexdigest(),
    }
    return Outcome(metrics=metrics, info=selection.info)


class _Places:
    """A pool whose features no one looks at."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, rows: slice, /) -> Any:
        raise TypeError("this sampler was given no features")


def _budget(task: Task, draw: Draw) -> int | str | None:
    """The draw's own budget, or the size of another sampler's coreset where that is an input."""
    return task.record("size_of").metrics["size"] if task.has("size_of") else draw.budget


def _simcore(task: Task, spec: SimCoreSampling, draw: Draw) -> Selection:
    fields = spec.model_dump(exclude={"kind"})
    target, pool = (np.load(task.file(name, FEATURES), mmap_mode="r") for name in ("target", "pool"))
    return SimCore(**fields).select(target, pool, budget=draw.budget, seed=draw.seed)


def _oracle(task: Task, draw: Draw, n_pool: int) -> Selection:
    """A random draw from the relevant images: all of them where the budget is larger."""
    relevant: NDArray[np.int64] = np.flatnonzero(task.relevance("relevance"))
    order = Random().select(None, _Places(n_pool), budget=n_pool, seed=draw.seed).indices
    limit = len(Random().select(None, _Places(n_pool), budget=draw.budget, seed=draw.seed))
    picks = order[np.isin(order, relevant)][:limit]
    stopped: StoppedBy = "budget" if len(picks) == limit else "exhausted"
    return Selection(picks, np.ones(len(picks), np.float32), stopped, {"relevant": len(relevant), "budget": limit})
