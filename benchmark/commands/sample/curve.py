"""SimCore's curve: how close the picks of each round are, so that a budget can be chosen by eye."""

from dataclasses import dataclass
from pathlib import Path

from benchmark.execution.record import Record
from benchmark.report.formats._look import COLOURS
from benchmark.specs.stages import Stage
from benchmark.stages.sample import PluginSampling, SampleSpec, SimCoreSampling

HEIGHT, WIDTH = 3.2, 6.0
"""Inches."""


@dataclass(frozen=True)
class Curve:
    """`values` are f_t, the mean cosine of the picks of round t to the centroids that picked them. `threshold` is where
    the stopping rule ends the picking, None where no round gave one. `picks` is the number of all picks."""

    values: tuple[float, ...]
    threshold: float | None
    picks: int

    @property
    def picked(self) -> list[float]:
        """The picks after each round; centroids that pick the same image are spread evenly over the rounds."""
        return [self.picks * (number + 1) / len(self.values) for number in range(len(self.values))]


def curve_of(picks: Stage, record: Record) -> Curve | None:
    """The curve of SimCore's picks, or of a sampler around SimCore; None of any other."""
    values, spec = record.info.get("f_curve"), picks.spec
    assert isinstance(spec, SampleSpec)
    if not values:
        return None
    sampling = spec.sampling.inner if isinstance(spec.sampling, PluginSampling) else spec.sampling
    threshold = record.info.get("threshold")
    if threshold is None and isinstance(sampling, SimCoreSampling) and len(values) >= sampling.reference_round:
        # With a fixed budget the rule is not applied; the curve shows where it would have been.
        threshold = sampling.tau * values[sampling.reference_round - 1]
    return Curve(tuple(values), threshold, record.metrics["size"])


def save_curve(curve: Curve, path: Path) -> None:
    """Write the picture as PNG."""
    # Imported here: matplotlib takes half a second. Without pyplot no display is asked for.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    axis.plot(curve.picked, curve.values, color=COLOURS[0], marker=".", markersize=4)
    axis.set_xlabel("picks")
    axis.set_ylabel("f_t: mean cosine of a round")
    if curve.threshold is not None:
        axis.axhline(curve.threshold, color=COLOURS[1], linestyle="--")
        below = next((place for place, value in zip(curve.picked, curve.values, strict=True)
                      if value < curve.threshold), None)  # fmt: skip
        where = "not reached" if below is None else f"reached after about {below:,.0f} picks"
        axis.set_title(f"threshold of the stopping rule {curve.threshold:.3f}: {where}", fontsize="small")
    figure.savefig(path, dpi=110, format="png")
