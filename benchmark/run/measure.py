"""Stage `measure`: the geometry of a coreset in feature space, and which sources it comes from."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np

from baselines.metrics import coreset_metrics
from benchmark.run.artefacts import FEATURES, POSITIONS
from benchmark.run.task import Outcome, Task


def run(task: Task, folder: Path) -> Outcome:
    """Metrics of `baselines.metrics`, and `sources`: the share of the picks from each, where labels say."""
    picks = np.load(task.file("coreset", POSITIONS))
    target, pool = (np.load(task.file(name, FEATURES), mmap_mode="r") for name in ("target", "pool"))
    metrics = asdict(coreset_metrics(target, pool, picks))
    origins = task.origins("openset")
    if origins is not None:
        counts = Counter(origins[position] for position in picks.tolist())
        metrics["sources"] = {origin: count / len(picks) for origin, count in sorted(counts.items())}
    return Outcome(metrics=metrics)
