"""One question to the suite: which cells, at which profile and protocol, on which data and store.

An option of a question is one line here: its name, type, default, converter and help. The command line
(`benchmark.commands._options`) and the Python API take their options from these classes. Values may be given as
`benchmark.planning.values` reads them: one name or several, paths as text. Empty tuples and None mean the table's or
the profile's own choice.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, fields, frozen

from benchmark.planning.values import lengths, names, optional_path, precision_of, seeds_of, text, to_path
from benchmark.specs.recipes import Precision


def described(words: str) -> Mapping[str, str]:
    """What the command line says of an option."""
    return {"help": words}


def shared(question: object, options: type) -> dict[str, Any]:
    """The values of those options of `question` that the class `options` has."""
    return {one.name: getattr(question, one.name) for one in fields(options)}


@frozen(kw_only=True, slots=False)
class SharedOptions:
    """What every question has: which data, how trainings run, where results are kept."""

    profile: str = field(default="smoke", metadata=described("smoke, mini or paper"))
    openset: str | None = field(
        default=None,
        metadata=described("a registered open-set, a folder of the data root, or NAME[FILE OF CLASSES]"),
    )
    seeds: tuple[int, ...] = field(default=None, converter=seeds_of, metadata=described("0 1 2 or 0,1,2; default: 0"))
    steps: tuple[int, ...] = field(
        default=None,
        converter=lengths,
        metadata=described("400 1600: lengths of every row, in optimiser steps; default: the profile's"),
    )
    precision: Precision | None = field(
        default=None,
        converter=precision_of,
        metadata=described("of training, instead of the profile's; many CPUs are slow in bfloat16"),
    )
    evaluation: tuple[str, ...] = field(
        default=None, converter=names, metadata=described("of `list evaluations`, instead of each row's own")
    )
    without_leaks: bool = field(
        default=False, metadata=described("drop what `data check` found of test images from the open-set")
    )
    data_root: Path | None = field(default=None, converter=optional_path, metadata=described("folder of real images"))
    store: Path = field(default=Path("runs"), converter=to_path, metadata=described("where results are kept"))


@frozen(kw_only=True, slots=False)
class TrainingOptions(SharedOptions):
    """What a question says of methods, beside what every question has."""

    protocol: str | None = field(default=None, metadata=described("released or clean; default: the profile's"))
    method: str | None = field(default=None, metadata=described("one of `list methods`, instead of each row's own"))
    backbone: str | None = field(default=None, metadata=described("one of `list backbones`, or any name of timm"))
    engine: str | None = field(
        default=None, metadata=described("solo-learn or lightly; default: the method's in the profile")
    )


@frozen(slots=False)
class Query(TrainingOptions):
    """A question to a table.

    `rows` are row ids or variants, any that `benchmark.planning.names` reads; `selection` names files of picks, each a
    row of X and them. `references` are those rows that others with a coreset of the same budget are compared with.
    Without `train` coresets are picked and nothing is trained on them; `coreset_metrics` measures them. `steps` are
    lengths of training, in optimiser steps: with several, every row is measured at each. `initial_weights` names the
    encoder that those rows start from whose published trainings did not start from random weights. `encoder` names one
    that takes the place of a published row's training.
    """

    table: str = field(
        default="2", converter=text, metadata=described("2, 3, 4, 5, figure3 or another of 'list tables'")
    )
    targets: tuple[str, ...] = field(
        default=None, kw_only=True, converter=names, metadata=described("names; default: the table's columns")
    )
    rows: tuple[str, ...] = field(
        default=None,
        kw_only=True,
        converter=names,
        metadata=described("row ids or variants, of any sampler: 'X+my.py:Mine(5%)'; default: all of the table"),
    )
    selection: tuple[str, ...] = field(
        default=None,
        kw_only=True,
        converter=names,
        metadata=described("lists of picks, as `sample --out` writes them: a row of X and each, beside --rows"),
    )
    controls: bool = field(default=False, kw_only=True, metadata=described("add the control rows"))
    train: bool = field(default=True, kw_only=True, metadata=described("pretrain on X and every coreset, and evaluate"))
    coreset_metrics: bool = field(default=False, kw_only=True, metadata=described("measure every coreset too"))
    initial_weights: str | None = field(
        default=None,
        kw_only=True,
        metadata=described(
            "timm:NAME[=FILE], a checkpoint file or an export, for rows that were not trained from random weights"
        ),
    )
    encoder: str | None = field(
        default=None,
        kw_only=True,
        metadata=described(
            "measure this encoder as a published row, in place of its training: released[=FOLDER] (the authors'), "
            "timm:NAME[=FILE], a checkpoint file, an export, a key or label of the store, or random"
        ),
    )
    references: tuple[str, ...] = field(
        default=None,
        kw_only=True,
        converter=names,
        metadata=described("of --rows: those that others with a coreset of the same budget are compared with"),
    )
