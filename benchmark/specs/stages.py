"""What can be run, as values: a stage is a kind, a spec and inputs, and is named by the hash of all three.

A kind's `version` is bumped by hand when a change of its sources moves a number; a test fails when sources changed and
neither the version nor the committed hash did.
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.specs.base import Spec, digest
from benchmark.specs.datasets import Role, split_label


@dataclass(frozen=True)
class Needs:
    """What a stage needs of the machine that runs it: CPU threads, and fast bfloat16 instructions."""

    threads: int = 1
    bfloat16: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of stage. `module` has its code: `run(task, folder)` and, where they are needed, `needs(spec)` and
    `check(spec, installed)`. `sources` are the files and folders that can move its numbers; they are in no key.

    `version` is raised by hand when a change of the sources moves a number. `verb` is what is done to a stage's
    label in a sentence, where that is not the kind's name.
    """

    name: str
    version: int
    module: str
    sources: tuple[str, ...] = field(default=(), repr=False)
    verb: str = ""

    def run(self, task: Any, folder: Path) -> Any:
        """Write the stage's files into `folder`. Returns its `StageResult`."""
        return importlib.import_module(self.module).run(task, folder)

    def needs(self, spec: Spec) -> Needs:
        """What a stage with this spec needs of a machine."""
        module = importlib.import_module(self.module)
        needs: Needs = module.needs(spec) if hasattr(module, "needs") else Needs()
        return needs

    def check(self, spec: Spec, *, installed: bool = True) -> None:
        """UserError where a run would fail for a reason that the spec shows. `installed`: also where a package that
        the run needs is not installed here."""
        module = importlib.import_module(self.module)
        if hasattr(module, "check"):
            module.check(spec, installed=installed)


@dataclass(frozen=True)
class Images:
    """The images of one split as an input. `sha256` is the identity of ids and contents, `labels_sha256` that of the
    labels; None while they are not known. Role, name and split say where the images are and are in no key.

    A stage that reads labels has `with_labels` as its input: only then do labels move its key. A split called
    "relevance:<target>" is not pixels but the labels that say which images are relevant to the target; one called
    "sources" is the labels that say where images come from.
    """

    role: Role
    name: str
    split: str
    sha256: str | None
    count: int | None = None
    """Number of images: the manifest's, or the registered one while there is no manifest."""
    labels_sha256: str | None = None
    reads_labels: bool = False
    by_path: bool = False
    """Whether `name` is the path that a user gave."""

    @property
    def with_labels(self) -> "Images":
        """The input of a stage that reads the labels too."""
        return replace(self, reads_labels=True)

    @property
    def resolved(self) -> bool:
        """Whether all that the input adds to a key is known."""
        return self.sha256 is not None and (self.labels_sha256 is not None or not self.reads_labels)

    @property
    def key(self) -> str:
        """The identity of the images, or a placeholder that cannot be mistaken for one."""
        return self.sha256 or f"unresolved:{self.label}"

    def keys(self, name: str) -> dict[str, str]:
        """What the input `name` adds to an identity."""
        labels = self.labels_sha256 or f"unresolved:labels of {self.label}"
        return {name: self.key} | ({f"{name} labels": labels} if self.reads_labels else {})

    @property
    def label(self) -> str:
        return split_label(self.role, self.name, self.split, self.by_path)


@dataclass(frozen=True)
class Stage:
    """One unit of work. `inputs` are named; a stage's images are inputs too."""

    kind: Kind
    spec: Spec
    inputs: tuple[tuple[str, "Stage | Images"], ...]
    label: str
    """For people: not part of the identity."""
    derived: tuple[tuple[str, "Stage"], ...] = ()
    """Stages that are run first so that others can share what they make, by name. What they make follows from the
    inputs and the spec, so they are not part of the identity."""

    @property
    def title(self) -> str:
        """What the stage does, for people: "sample random 1%", "compute metrics of random 1%"."""
        return f"{self.kind.verb or self.kind.name} {self.label}"

    @cached_property
    def identity(self) -> dict[str, object]:
        """All that the result depends on, as JSON-able values."""
        return {
            "kind": self.kind.name,
            "version": self.kind.version,
            # As any: fields that a subclass adds count too.
            "spec": self.spec.model_dump(mode="json", serialize_as_any=True),
            "inputs": {key: text for name, value in self.inputs for key, text in value.keys(name).items()},
        }

    @cached_property
    def key(self) -> str:
        return digest(self.identity)

    @cached_property
    def resolved(self) -> bool:
        """Whether the manifests of all images below are known, so that the key is final."""
        return all(value.resolved for _, value in self.inputs)

    def keys(self, name: str) -> dict[str, str]:
        """What the stage adds to an identity as the input `name`."""
        return {name: self.key}

    def stages(self) -> Iterator["Stage"]:
        """The stages that are run before this one: those among the inputs, and the derived ones."""
        return (value for _, value in (*self.inputs, *self.derived) if isinstance(value, Stage))

    def images(self) -> Iterator[Images]:
        """The images among the inputs."""
        return (value for _, value in self.inputs if isinstance(value, Images))

    def input(self, name: str) -> "Stage | Images | None":
        """The input or derived stage of that name; None where there is none."""
        return dict((*self.inputs, *self.derived)).get(name)
