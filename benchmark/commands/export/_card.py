"""The card of an exported encoder: what it was trained on, by which recipe, how good it is, how it is loaded."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from benchmark.commands.export._network import BRANCH, CONFIG, WEIGHTS, Exported
from benchmark.commands.export.find import Training
from benchmark.execution.record import Record
from benchmark.methods import entry_of, title_of
from benchmark.specs.recipes import Embedding, Recipe, SeedAxes
from benchmark.specs.wording import counted
from benchmark.stages.pretrain import Pretraining
from benchmark.stages.sample.text import picked_text, sampler_text

HEAD = """---
library_name: timm
pipeline_tag: image-feature-extraction
tags:
- image-feature-extraction
- self-supervised
---"""
LOAD = """\
import json

import timm
from PIL import Image

weights, arguments = "{weights}", {arguments}
overlay = dict(file=weights)
model = timm.create_model("{name}", pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay, **arguments)
# The same network, with every name of the file held to the network's:
model = timm.create_model("{name}", num_classes=0, checkpoint_path=weights, **arguments)

with open("{config}") as file:
    prepared = timm.data.resolve_data_config(pretrained_cfg=json.load(file)["pretrained_cfg"])
transform = timm.data.create_transform(**prepared)
image = Image.new("RGB", (300, 200))  # yours
features = model.eval()(transform(image)[None])  # [1, {features}]"""


def card(training: Training, spec: Pretraining, exported: Exported, embedding: Embedding, features: int) -> str:
    """The card as Markdown; `features` is the length of the vector that the network gives."""
    record, recipe = training.record, spec.recipe
    parts = [
        HEAD,
        f"# {exported.architecture} by {_method(recipe)}",
        "\n".join(_summary(training, exported)),
        "## Trained on",
        "\n".join(_images(training)),
        "## Measured",
        "\n".join(_measured(training, exported)),
        "## Load",
        f"In this folder, with timm {record.environment['packages'].get('timm', '')}:",
        f"```python\n{_code(exported, features)}\n```",
        _preparation(embedding),
        "## Recipe",
        "\n".join(_recipe(recipe)),
        "## Made with",
        "\n".join(_origin(record, spec.seeds)),
    ]
    return "\n\n".join(parts) + "\n"


def _method(recipe: Recipe) -> str:
    entry = entry_of(recipe.method)
    return f"{title_of(recipe.method)}{f' ({entry.reference})' if entry else ''}"


def _summary(training: Training, exported: Exported) -> Iterator[str]:
    record = training.record
    yield f"An encoder without classifier, trained without labels: {record.label}; stage `{record.key}`."
    if any(images["standins"] for images in record.info.get("images", {}).values()):
        yield "**Trained on rendered stand-in images, not on photographs: its numbers say nothing of real ones.**"
    if exported.branch is not None:
        yield (
            f"The map by which LCR weights what is pooled is **not** in `{WEIGHTS}`, which is the network below it; "
            f"the weights of the branch that makes the map are in `{BRANCH}`."
        )


# What it was trained on ----------------------------------------------------------------------------------------------
def _images(training: Training) -> Iterator[str]:
    record, metrics = training.record, training.record.metrics
    inputs, chosen = record.identity["inputs"], metrics["coreset_images"]
    if "target" in inputs:
        yield f"* X: {metrics['target_images']:,} {_kind(record, 'target')}, manifest `{inputs['target']}`"
    if "openset" in inputs:
        pool = _pool_size(training)
        yield f"* pool: {f'{pool:,} ' if pool else ''}{_kind(record, 'openset')}, manifest `{inputs['openset']}`"
        yield f"* of the pool: {'' if 'coreset' in inputs else 'all '}{counted(chosen, 'image')}"
    if "coreset" in inputs:
        yield f"* coreset: {_draw(training.sample)}, stage `{inputs['coreset']}`"
    seen = f"{counted(metrics['samples'], 'image')} in {counted(metrics['steps'], 'step')}"
    yield f"* samples seen: {seen}{_exposures(metrics)}"
    yield from (f"* note: {note}" for note in record.info.get("notes", ()))


def _kind(record: Record, name: str) -> str:
    """ "stand-in images (targets/cub/train)"; a record of an older version does not say which images they were."""
    images = record.info.get("images", {}).get(name)
    if images is None:
        return "images (the record does not say which, nor whether they are stand-ins)"
    return f"{'rendered stand-in images' if images['standins'] else 'images'} ({images['split']})"


def _pool_size(training: Training) -> int | None:
    images, metrics = training.record.info.get("images", {}).get("openset"), training.record.metrics
    if images is not None:
        return int(images["images"])
    return None if "coreset" in training.record.identity["inputs"] else int(metrics["coreset_images"])


def _draw(sample: Record | None) -> str:
    if sample is None:
        return "its record is not in the store"
    draw, metrics = sample.identity["spec"], sample.metrics
    request = f"budget {draw['budget'] or 'stopping rule, or the size of another coreset'}, seed {draw['seed']}"
    return f"sampler {sampler_text(draw['sampling'])}, {request}; {picked_text(metrics)}"


def _exposures(metrics: dict[str, Any]) -> str:
    own = metrics["exposures_of_target"]
    return "" if own is None else f", each of X {own:,.4g} time{'' if own == 1 else 's'} on average"


# How good it is ------------------------------------------------------------------------------------------------------
def _measured(training: Training, exported: Exported) -> Iterator[str]:
    if not training.evaluations:
        yield "No probe of this encoder is in the store."
        return
    if exported.branch is not None:
        yield f"Of features under LCR's map, which `{WEIGHTS}` alone does not give.\n"
    yield "| probe | protocol | metric | test images | accuracy | stage |"
    yield "| --- | --- | --- | ---: | ---: | --- |"
    for record in training.evaluations:
        metrics = record.metrics
        columns = f"{record.label} | {record.info['probe']} | {metrics['metric']} | {metrics['n']:,}"
        yield f"| {columns} | {metrics['accuracy']:.2f} % | `{record.key[:12]}` |"


# How it is loaded and was made ----------------------------------------------------------------------------------------
def _code(exported: Exported, features: int) -> str:
    arguments = f"dict({', '.join(f'{name}={size}' for name, size in exported.arguments.items())})"
    return LOAD.format(
        weights=WEIGHTS, config=CONFIG, name=exported.architecture, arguments=arguments, features=features
    )


def _preparation(embedding: Embedding) -> str:
    resize, crop, stored = embedding.resize, embedding.crop, embedding.stored
    first = "" if stored == "original" else f" after a square of {stored} pixels (which timm leaves out)"
    return f"Images were prepared as shorter side {resize}, centre crop {crop}, bilinear{first}; so says `{CONFIG}`."


def _recipe(recipe: Recipe) -> Iterator[str]:
    yield from ("| field | value |", "| --- | --- |")
    for path, value in _fields(recipe):
        yield f"| {path} | {'-' if value is None else value} |"


def _fields(spec: BaseModel, path: str = "") -> Iterator[tuple[str, object]]:
    """Every field with its dotted path, those at their defaults too, which keys leave out."""
    for name in type(spec).model_fields:
        value = getattr(spec, name)
        if isinstance(value, BaseModel):
            yield from _fields(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _origin(record: Record, seeds: SeedAxes) -> Iterator[str]:
    environment = record.environment
    git = environment["git"]
    changed = " with changes that are not committed" if git.get("dirty") else ""
    yield f"* engine: {record.info['engine']}"
    yield f"* packages: {', '.join(f'{name} {version}' for name, version in environment['packages'].items())}"
    commit = f"git commit {git['commit']}{changed}" if git else "no git checkout"
    yield f"* suite: {commit}"
    yield f"* device: {environment['hardware'].get('gpu', environment['hardware']['device'])}"
    yield f"* seeds: {', '.join(f'{name} {seed}' for name, seed in seeds)}"
