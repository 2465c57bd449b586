"""The lists that `list` prints."""

from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from pathlib import Path

from baselines import SAMPLERS
from benchmark.commands._data_root import counts_text, own_names
from benchmark.datasets.opensets import OPENSETS
from benchmark.datasets.targets import TARGETS
from benchmark.errors import UnknownName
from benchmark.evaluations import EVALUATIONS
from benchmark.execution.engines import EXECUTION_ENGINES
from benchmark.images.data import Data
from benchmark.methods import METHODS
from benchmark.planning.profiles import PROFILES
from benchmark.published.tables import load_table, table_names
from benchmark.report.formats import FORMATS
from benchmark.specs.datasets import Role
from benchmark.specs.protocols import PROTOCOLS
from benchmark.specs.variants import VARIANTS
from benchmark.stages.sample.names import GROUP
from benchmark.training.backbone_names import NETWORKS


def _targets(data: Data) -> Iterable[str]:
    for target in TARGETS:
        counts = f"{target.classes:>4} classes {target.train:>7,} train {target.test:>6,} test"
        there = "  in the data root" if data.has("targets", target.name) else ""
        yield f"{target.name:<11} {target.title:<9} {counts}  {target.metric}{there}"
    yield from _own(data, "targets")


def _opensets(data: Data) -> Iterable[str]:
    for openset in OPENSETS:
        parts = f"  = {' + '.join(openset.parts)}" if openset.parts else ""
        there = "  in the data root" if data.has("opensets", openset.name) else ""
        yield f"{openset.name:<11} {openset.title:<22} {openset.images:>10,} images{parts}{there}"
    yield from _own(data, "opensets")


def _own(data: Data, role: Role) -> Iterable[str]:
    for name in own_names(data, role):
        yield f"{name:<11} of {data.root}: {counts_text(data, role, name)}"


def _tables(_: Data) -> Iterable[str]:
    for name in table_names():
        table = load_table(name)
        columns = f"{len(table.columns):>2} column{'' if len(table.columns) == 1 else 's'}"
        yield f"{table.id:<16} {len(table.rows):>2} rows x {columns:<10}  {table.title}"


def _variants(_: Data) -> Iterable[str]:
    yield from (f"{variant.name:<23} {variant.title}" for variant in VARIANTS.values())
    yield f"{'X+SAMPLER(BUDGET)':<23} any sampler; the budget is 5%, 100 (images) or stop"
    yield f"{'X+SAMPLER(5%)@ENCODER':<23} in the features of timm:NAME, timm:NAME=FILE or a folder runs/pretrain/KEY"
    yield f"{'@ENCODER':<23} that encoder as it is"


def _profiles(_: Data) -> Iterable[str]:
    return (f"{p.name:<6} protocol {p.protocol:<8} {p.summary}" for p in PROFILES.values())


def _protocols(_: Data) -> Iterable[str]:
    return (f"{protocol.name:<8} {protocol.summary}" for protocol in PROTOCOLS.values())


def _methods(_: Data) -> Iterable[str]:
    for method in METHODS:
        yield f"{method.name:<13} {method.title:<28} engines: {', '.join(method.engines):<20} {method.reference}"


def _backbones(_: Data) -> Iterable[str]:
    for network in NETWORKS.values():
        backbone = network.backbone.model_dump()
        size = f"{network.features:>5} features {network.parameters / 1e6:>6.1f} M parameters  {network.reading:<12}"
        yield f"{backbone['name']:<22} {backbone['library']:<12} {size} {network.note}".rstrip()
    yield "any other name of timm"


def _samplers(_: Data) -> Iterable[str]:
    for entry in SAMPLERS.values():
        rule = "stopping rule" if entry.stops else ""
        yield f"{entry.name:<18} {rule:<14} {entry.reference}"
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        # Not imported: what is wrong with it is said when it is used.
        yield f"{point.name:<18} {'':<14} entry point {point.value}"


def _evaluations(_: Data) -> Iterable[str]:
    for evaluation in EVALUATIONS:
        measures = ", ".join(measure.name for measure in evaluation.measures)
        yield f"{evaluation.name:<18} {evaluation.title:<24} measures: {measures}"


def _formats(_: Data) -> Iterable[str]:
    return (f"{form.name:<6} {form.suffix:<6} {form.title}" for form in FORMATS)


def _execution_engines(_: Data) -> Iterable[str]:
    return (f"{engine.name:<10} {engine.title}" for engine in EXECUTION_ENGINES)


LISTS: dict[str, Callable[[Data], Iterable[str]]] = {
    "targets": _targets,
    "opensets": _opensets,
    "tables": _tables,
    "variants": _variants,
    "profiles": _profiles,
    "protocols": _protocols,
    "samplers": _samplers,
    "methods": _methods,
    "backbones": _backbones,
    "evaluations": _evaluations,
    "formats": _formats,
    "execution-engines": _execution_engines,
}


NO_DATA = Data(None, standins=False, cache=Path())


def listing(what: str | None, data: Data = NO_DATA) -> str:
    """One list, or all of them. Those of targets and open-sets end with what is `data`'s own."""
    if what is None:
        return "\n\n".join(f"{name}\n" + "\n".join(f"  {line}" for line in make(data)) for name, make in LISTS.items())
    if what not in LISTS:
        raise UnknownName("list", what, list(LISTS))
    return "\n".join(LISTS[what](data))
