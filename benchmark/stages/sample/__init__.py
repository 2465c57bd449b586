"""Stage `sample`: a sampler picks positions of the open-set; they reach the disk as positions and as item ids."""

import importlib
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from baselines import Random, Selection, SimCore
from baselines.core.selection import NotASelection, StoppedBy, as_selection, parse_budget
from benchmark.errors import UserError
from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.images.manifest import Manifest
from benchmark.specs.artefacts import FEATURES, PICKS, POSITIONS, SCORES
from benchmark.specs.base import Spec, canonical_json, digest
from benchmark.specs.stages import Kind
from benchmark.stages.sample.id_list import IdList, list_text
from benchmark.stages.sample.names import resolve


# Samplers ------------------------------------------------------------------------------------------------------------
class RandomSampling(Spec):
    """Uniform, without replacement."""

    kind: Literal["random"] = "random"


class SimCoreSampling(Spec):
    """SimCore (Algorithm 1) with both readings of its ambiguous steps as switches; see docs/protocol.md."""

    kind: Literal["simcore"] = "simcore"
    k: int = Field(gt=0)
    tau: float = 0.95
    reference_round: int = Field(default=1, gt=0)
    failing_round: Literal["kept", "dropped"] = "kept"
    overshoot: Literal["trim", "keep"] = "trim"
    budget_factor: int = 50
    n_init: int = 1


class OracleSampling(Spec):
    """A uniform draw from the images that the pool's relevance labels call relevant to the target; a control."""

    kind: Literal["oracle"] = "oracle"


class PluginSampling(Spec):
    """Any other sampler, by the canonical JSON of what its picks depend on (`benchmark.stages.sample.names`).

    `inner` is the SimCore that a sampler around another one wraps.
    """

    kind: Literal["plugin"] = "plugin"
    identity: str
    inner: SimCoreSampling | None = None


Sampling = Annotated[RandomSampling | SimCoreSampling | OracleSampling | PluginSampling, Field(discriminator="kind")]


class SampleSpec(Spec):
    """One run of a sampler. `budget`: images, "5%" of the pool, or None for the stopping rule or an input's size."""

    sampling: Sampling
    budget: int | str | None
    seed: int


KIND = Kind(
    "sample",
    1,
    "benchmark.stages.sample",
    (
        "benchmark/stages/sample/__init__.py",
        "baselines/core/selection.py",
        "baselines/random.py",
        "baselines/core/kmeans.py",
        "baselines/core/candidates.py",
        "baselines/core/products.py",
        "baselines/core/ranking.py",
        "baselines/core/scoring.py",
        "baselines/core/rounds.py",
        "baselines/simcore.py",
        "benchmark/images/relevance.py",
    ),
)


_LIBRARIES = ("sklearn.cluster", "sklearn.covariance", "sklearn.linear_model", "faiss", "scipy.linalg")


class SamplerError(Exception):
    """A sampler that broke its contract, in one line that names it."""


def run(task: ImageTask, folder: Path) -> StageResult:
    """Write positions, scores and ids of the picks, in pick order."""
    draw = task.stage.spec
    assert isinstance(draw, SampleSpec)
    manifest = task.data.verified_source(task.images("openset"), task.progress).manifest
    _import_libraries(draw)
    started = time.perf_counter()
    selection = _select(task, draw, manifest)
    seconds = time.perf_counter() - started
    np.save(folder / POSITIONS, selection.indices)
    np.save(folder / SCORES, selection.scores)
    picks = IdList(PICKS, tuple(manifest.ids[i] for i in selection.indices))
    comment = f"picks of {task.stage.key} in pick order, from the open-set with manifest {manifest.images_sha256}"
    (folder / PICKS).write_text(list_text(picks.ids, comment), encoding="utf-8")
    metrics = {
        "size": len(selection),
        "share": len(selection) / len(manifest.ids),
        "stopped_by": selection.stopped_by,
        "picks_sha256": picks.sha256,
    }
    return StageResult(metrics=metrics, info={**selection.info, "seconds": round(seconds, 3)})


def _import_libraries(draw: SampleSpec) -> None:
    """Import what samplers import late, so that the seconds recorded are the sampler's own."""
    if isinstance(draw.sampling, SimCoreSampling | PluginSampling):
        for name in _LIBRARIES:
            importlib.import_module(name)


def _select(task: ImageTask, draw: SampleSpec, manifest: Manifest) -> Selection:
    n_pool = len(manifest)
    match draw.sampling:
        case RandomSampling():
            return Random().select(None, _Places(n_pool), budget=_budget(task, draw), seed=draw.seed)
        case OracleSampling():
            return _oracle(task, draw, n_pool)
        case SimCoreSampling():
            simcore = _simcore(draw.sampling)
            return simcore.select(*_features(task), budget=_budget(task, draw), seed=draw.seed)
        case PluginSampling():
            return _plugin(task, draw, draw.sampling, manifest)


def _simcore(spec: SimCoreSampling) -> SimCore:
    return SimCore(**spec.model_dump(exclude={"kind"}))


def _features(task: ImageTask) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    target, pool = (np.load(task.file(name, FEATURES), mmap_mode="r") for name in ("target", "pool"))
    return target, pool


def _plugin(task: ImageTask, draw: SampleSpec, spec: PluginSampling, manifest: Manifest) -> Selection:
    """The picks of a sampler that the user named, checked against the contract."""
    text = task.local[digest(spec.identity)]
    plugin = resolve(text)
    if canonical_json(plugin.identity) != spec.identity:
        raise UserError(f"sampler {text} has changed since the run began; start it again")
    sampler, budget = plugin.make(manifest.ids), _budget(task, draw)
    features: tuple[Any, Any] = (None, _Places(len(manifest))) if plugin.kind == "ids" else _features(task)
    if spec.inner is not None:
        sampler = replace(sampler, sampler=_simcore(spec.inner))  # type: ignore[type-var]
    try:
        answer = sampler.select(*features, budget=budget, seed=draw.seed)
    except (Exception, SystemExit) as error:
        # Whatever it raises, sys.exit too, the line must say whose it is.
        text = " ".join(str(error).split())
        raise SamplerError(f"sampler {plugin.name} raised {type(error).__name__}: {text}") from error
    return checked_selection(plugin.name, answer, len(manifest), budget)


def checked_selection(name: str, answer: object, n_pool: int, budget: int | str | None) -> Selection:
    """What a sampler returned, as a selection. SamplerError unless it is one of positions of the pool, as many as
    `budget` says."""
    try:
        selection = as_selection(answer, budget)
    except NotASelection as error:
        raise SamplerError(f"sampler {name}: {error}") from error
    indices = selection.indices
    outside = indices[(indices < 0) | (indices >= n_pool)]
    if outside.size:
        raise SamplerError(f"sampler {name} picked position {outside[0]}; the pool has 0 to {n_pool - 1}")
    size = parse_budget(budget, n_pool)
    if not indices.size or (size is not None and len(indices) != size):
        raise SamplerError(f"sampler {name} picked {len(indices)} images for a budget of {size}")
    return selection


class _Places:
    """A pool without features: only its length is read."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, rows: slice, /) -> Any:
        raise TypeError("this sampler was given no features")


def _budget(task: ImageTask, draw: SampleSpec) -> int | str | None:
    """The draw's own budget, or the size of another sampler's coreset where that is an input."""
    return task.record("size_of").metrics["size"] if task.has("size_of") else draw.budget


def _oracle(task: ImageTask, draw: SampleSpec, n_pool: int) -> Selection:
    """A random draw from the relevant images: all of them where the budget is larger."""
    relevant: NDArray[np.int64] = np.flatnonzero(task.data.relevant(task.images("relevance")))
    order = Random().select(None, _Places(n_pool), budget=n_pool, seed=draw.seed).indices
    limit = len(Random().select(None, _Places(n_pool), budget=draw.budget, seed=draw.seed))
    picks = order[np.isin(order, relevant)][:limit]
    stopped: StoppedBy = "budget" if len(picks) == limit else "exhausted"
    return Selection(picks, np.ones(len(picks), np.float32), stopped, {"relevant": len(relevant), "budget": limit})
