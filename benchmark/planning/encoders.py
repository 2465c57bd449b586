"""Encoders that a user names: the authors' own, timm's, checkpoint files, results of this suite, random ones."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmark.errors import UnknownName, UserError
from benchmark.execution.record import RECORD, Record, read_result
from benchmark.execution.store import Store
from benchmark.planning.profiles import PROFILES
from benchmark.planning.recipes import ResolvedRecipe
from benchmark.planning.released import released_file
from benchmark.specs.artefacts import ENCODER
from benchmark.specs.recipes import MEAN, STD, Backbone, Embedding, Recipe
from benchmark.specs.stages import Images, Stage
from benchmark.stages.frozen import KIND as FROZEN
from benchmark.stages.frozen import FrozenEncoder, Origin
from benchmark.stages.pretrain import KIND as PRETRAIN
from benchmark.stages.pretrain import Pretraining, read_pretraining
from benchmark.system import file_sha256

FORMS = (
    "give released[=FOLDER], timm:NAME[=FILE], a checkpoint file, the folder of an export or of a finished pretraining "
    "(runs/pretrain/<key>), the key or label of one in the store, or random"
)
TIMM = "timm:"
RELEASED = "released"
RANDOM = "random"
CONFIG, WEIGHTS = "config.json", "model.safetensors"
"""What an export of this suite consists of, in timm's form."""
_USUAL = Embedding(resize=256, crop=224)
_SHORTEST_KEY = 8


@dataclass(frozen=True)
class Encoder:
    """An encoder that is taken as it is: its stage, how features are taken through it, where its file is. `recipe` is
    what it was trained by, None for one that was trained elsewhere."""

    stage: Stage
    embedding: Embedding
    local: dict[str, str] = field(default_factory=dict, compare=False)
    recipe: Recipe | None = None

    @property
    def label(self) -> str:
        return self.stage.label

    def recipe_or(self, usual: Recipe) -> Recipe:
        """What it was trained by. For an encoder that was trained elsewhere `usual`, with crops of the size that the
        encoder sees."""
        if self.recipe is not None:
            return self.recipe
        changed = {"size": self.embedding.crop, "stored": self.embedding.stored, "local": None}
        return usual.model_copy(update={"augmentation": usual.augmentation.model_copy(update=changed)})

    @property
    def description(self) -> str:
        """What it is, to follow "features of": its name with where its weights are from, or which pretraining it is."""
        spec = self.stage.spec
        if not isinstance(spec, FrozenEncoder) or spec.origin == "suite":
            return f"a network that this suite pretrained ({self.label})"
        origins = {"timm": "the weights of timm", "random": "random weights"}
        return f"{self.label} with {origins.get(spec.origin, 'weights of a file')}"


@dataclass(frozen=True)
class Surroundings:
    """What some names of encoders are read by: the store that has keys and labels, the target that the authors
    published an encoder for, and the method and seed whose network a random encoder is."""

    store: Path | None = None
    target: str | None = None
    setup: ResolvedRecipe | None = None
    seed: int = 0


def is_of_target(text: str) -> bool:
    """Whether `text` names another encoder for every target."""
    return text.partition("=")[0] == RELEASED


def find_encoder(text: str, around: Surroundings | None = None) -> Encoder:
    """The encoder that `text` names. UserError, with the forms there are, for what is none."""
    around = around or Surroundings()
    _, equals, rest = text.partition("=")
    if text.startswith(TIMM):
        name, _, file = text.removeprefix(TIMM).partition("=")
        return _of_timm(name, Path(file) if file else None)
    if is_of_target(text):
        return _released(Path(rest) if equals else None, around.target)
    if text == RANDOM:
        return _random(around)
    path = Path(text)
    if (path / CONFIG).is_file() and (path / WEIGHTS).is_file():
        return _of_export(path)
    if path.is_file() and path.name != ENCODER:
        return _of_file(path)
    if path.name == ENCODER or path.is_dir():
        return _of_suite(path)
    return _of_store(text, around.store)


# Networks that others trained ----------------------------------------------------------------------------------------
def _of_timm(name: str, file: Path | None) -> Encoder:
    # Imported here: timm brings torch.
    import timm

    if not timm.is_model(name.partition(".")[0]):
        raise UnknownName("timm network", name, timm.list_models())
    about = timm.get_pretrained_cfg(name)
    if about is None or (file is None and not about.has_weights):
        raise UserError(f"timm has no weights for {name}: give a file with --encoder timm:{name}=FILE")
    side = about.input_size[-1]
    embedding = Embedding(resize=int(side / about.crop_pct), crop=side)
    digest = None if file is None else _sha256(file)
    spec = FrozenEncoder(
        backbone=Backbone(name=name, library="timm"),
        origin="timm" if file is None else "file",
        sha256=digest,
        mean=about.mean,
        std=about.std,
    )
    return Encoder(Stage(FROZEN, spec, (), name), embedding, {digest: str(file)} if digest else {})


def _of_file(path: Path, label: str = "", target: str | None = None) -> Encoder:
    """A checkpoint of a known layout. UserError where it names another target than `target`."""
    digest = _sha256(path)
    # Imported here: it brings torch.
    from benchmark.training.checkpoint_layouts import backbone_of, read_checkpoint

    checkpoint = read_checkpoint(path)
    if target is not None and checkpoint.target not in (None, target):
        raise UserError(f"checkpoint {path} was pretrained for {checkpoint.target}, not for {target}")
    backbone = backbone_of(checkpoint, path)
    origin: Origin = checkpoint.layout.name  # type: ignore[assignment]
    spec = FrozenEncoder(backbone=backbone, origin=origin, sha256=digest, mean=MEAN, std=STD)
    small = backbone.stem == "cifar"
    embedding = Embedding(resize=32, crop=32) if small else _USUAL
    named = label or f"{backbone.full_name} of {path.name}"
    return Encoder(Stage(FROZEN, spec, (), named), embedding, {digest: str(path)})


def _released(folder: Path | None, target: str | None) -> Encoder:
    if target is None:
        raise UserError("the authors' encoders are of one target each, and none is named here: give a file of theirs")
    file = released_file(target, folder)
    return _of_file(file.path, f"the authors' encoder for {target}{file.revision_text}", target)


def _of_export(folder: Path) -> Encoder:
    """A folder that `export` wrote: a network in timm's form with the way that images are prepared."""
    weights = folder / WEIGHTS
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG).read_text())
        prepared, sizes = config["pretrained_cfg"], config.get("model_args", {})
        side = int(prepared["input_size"][-1])
        backbone = Backbone(
            name=config["architecture"],
            library="timm",
            image_size=sizes.get("img_size"),
            patch_size=sizes.get("patch_size"),
        )
        digest = _sha256(weights)
        spec = FrozenEncoder(
            backbone=backbone, origin="suite", sha256=digest, mean=prepared["mean"], std=prepared["std"]
        )
        embedding = Embedding(resize=round(side / prepared["crop_pct"]), crop=side)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise UserError(f"{folder / CONFIG} is no configuration of an export: {error}") from error
    return Encoder(Stage(FROZEN, spec, (), f"export {folder.name}"), embedding, {digest: str(weights)})


def _random(around: Surroundings) -> Encoder:
    if around.setup is None:
        raise UserError("a random encoder needs a method and a network, and none is named here")
    recipe = around.setup.recipe
    spec = FrozenEncoder(backbone=recipe.backbone, origin="random", sha256=None, mean=MEAN, std=STD, seed=around.seed)
    return Encoder(_random_stage(spec), around.setup.sampling, recipe=recipe)


def with_random_weights(encoder: Encoder, seed: int) -> Encoder:
    """The encoder's network with random weights by `seed`; images reach it as they reach the encoder."""
    spec = encoder.stage.spec
    if isinstance(spec, FrozenEncoder):
        random = spec.model_copy(update={"origin": "random", "sha256": None, "seed": seed})
    else:
        assert isinstance(spec, Pretraining)
        backbone = spec.recipe.backbone
        random = FrozenEncoder(backbone=backbone, origin="random", sha256=None, mean=MEAN, std=STD, seed=seed)
    return replace(encoder, stage=_random_stage(random), local={})


def _random_stage(spec: FrozenEncoder) -> Stage:
    return Stage(FROZEN, spec, (), f"random {spec.backbone.full_name}, seed {spec.seed}")


# Networks that this suite trained ------------------------------------------------------------------------------------
def _of_suite(path: Path) -> Encoder:
    folder = path.parent if path.name == ENCODER else path
    refusal = UserError(f"encoder '{path}' is no finished pretraining of this suite; {FORMS}")
    if not (folder / RECORD).is_file():
        raise refusal
    result = read_result(folder)
    try:
        recipe = read_pretraining(result.record.identity["spec"]).recipe
    except ValidationError as error:
        raise refusal from error
    weights = result.file(ENCODER)
    digest = file_sha256(weights)
    if recipe.method.wraps_encoder:
        raise UserError(f"encoder '{path}' pools by LCR's map, which is no network of timm: export its network instead")
    spec = FrozenEncoder(backbone=recipe.backbone, origin="suite", sha256=digest, mean=MEAN, std=STD)
    return Encoder(Stage(FROZEN, spec, (), result.record.label), _embedding(recipe), {digest: str(weights)}, recipe)


def _embedding(recipe: Recipe) -> Embedding:
    # MAE's patch tokens are what its samplers see; probes read the class token all the same.
    return embedding_of(recipe).model_copy(update={"token": recipe.method.token})


def _of_store(text: str, root: Path | None) -> Encoder:
    """A finished pretraining by its key, or as much of it as is unique, or by its label."""
    refusal = UserError(f"encoder '{text}' is no file, and no key or label of a finished pretraining; {FORMS}")
    if root is None or not root.is_dir():
        raise refusal
    records = [result.record for result in Store(root).finished("pretrain")]
    is_key = len(text) >= _SHORTEST_KEY
    named = [record for record in records if record.label == text or (is_key and record.key.startswith(text))]
    if len(named) > 1:
        keys = ", ".join(record.key[:12] for record in named)
        raise UserError(f"{len(named)} pretrainings of {root} are named '{text}': give a key ({keys})")
    if not named:
        raise refusal
    return _stored(named[0])


def _stored(record: Record) -> Encoder:
    """The stage of a record, with the key that it has in every table: what was measured of it is found again."""
    spec: Pretraining = read_pretraining(record.identity["spec"])
    # Only what made it knows its inputs' own inputs; their keys are all that its key needs.
    inputs = tuple((name, Images("targets", name, "train", key)) for name, key in record.identity["inputs"].items())
    stage = Stage(PRETRAIN, spec, inputs, record.label)
    if stage.key != record.key:
        raise UserError(f"pretraining {record.key[:12]} ({record.label}) was made by another version of this suite")
    return Encoder(stage, _embedding(spec.recipe), recipe=spec.recipe)


def embedding_of(recipe: Recipe) -> Embedding:
    """How features were taken where the encoder was trained: whole images where crops are cut from squares of their
    own size, and by the usual 8 : 7 for a recipe of no profile."""
    for profile in PROFILES.values():
        scale, quick = profile.scale, profile.quick
        sizes = {(scale.size, scale.stored) if scale else (profile.embedding.crop, "original")}
        if scale and quick:
            sizes.add((quick.crop, scale.stored))
        if (recipe.augmentation.size, recipe.augmentation.stored) in sizes:
            return profile.embedding
    side = recipe.augmentation.size
    resize = side if recipe.augmentation.stored == side else side * 8 // 7
    return Embedding(resize=resize, crop=side, stored=recipe.augmentation.stored)


def _sha256(file: Path) -> str:
    try:
        return file_sha256(file)
    except OSError as error:
        raise UserError(f"encoder weights {file} cannot be read: {error.strerror}") from error
