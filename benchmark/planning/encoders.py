"""Encoders that a user names: a checkpoint of this suite, or a network of timm with its own weights or a file's."""

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from benchmark.errors import UnknownName, UserError
from benchmark.execution.record import RECORD, read_result
from benchmark.planning.profiles import PROFILES
from benchmark.specs.artefacts import ENCODER
from benchmark.specs.recipes import Backbone, Embedding, Recipe
from benchmark.specs.stages import Stage
from benchmark.stages.frozen import KIND as FROZEN
from benchmark.stages.frozen import FrozenEncoder
from benchmark.stages.pretrain import read_pretraining
from benchmark.system import file_sha256

FORMS = "give timm:NAME, timm:NAME=FILE or the folder of a finished pretraining (runs/pretrain/<key>)"
TIMM = "timm:"


@dataclass(frozen=True)
class Encoder:
    """An encoder that is taken as it is: its stage, how features are taken through it, where its file is."""

    stage: Stage
    embedding: Embedding
    local: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return self.stage.label

    @property
    def description(self) -> str:
        """What it is, to follow "features of": its name with where its weights are from, or which pretraining it is."""
        spec = self.stage.spec
        assert isinstance(spec, FrozenEncoder)
        if spec.origin == "suite":
            return f"a network that this suite pretrained ({self.label})"
        return f"{self.label} with {'the weights of timm' if spec.origin == 'timm' else 'weights of a file'}"


def find_encoder(text: str) -> Encoder:
    """The encoder that `text` names. UserError, with the forms there are, for what is none."""
    if text.startswith(TIMM):
        name, _, file = text.removeprefix(TIMM).partition("=")
        return _of_timm(name, Path(file) if file else None)
    return _of_suite(Path(text))


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
    spec = _as_trained(recipe, digest)
    # MAE's patch tokens are what its samplers see; probes read the class token all the same.
    token = recipe.method.token
    embedding = embedding_of(recipe).model_copy(update={"token": token})
    return Encoder(Stage(FROZEN, spec, (), result.record.label), embedding, {digest: str(weights)})


def _as_trained(recipe: Recipe, digest: str) -> FrozenEncoder:
    # Imported here: it brings torch.
    from benchmark.specs.recipes import MEAN, STD

    return FrozenEncoder(backbone=recipe.backbone, origin="suite", sha256=digest, mean=MEAN, std=STD)


def embedding_of(recipe: Recipe) -> Embedding:
    """How features were taken where the encoder was trained: whole images where crops are cut from squares of their
    own size, and by the usual 8 : 7 for a recipe of no profile."""
    for profile in PROFILES.values():
        scale = profile.scale
        size = (scale.size, scale.stored) if scale else (profile.embedding.crop, "original")
        if size == (recipe.augmentation.size, recipe.augmentation.stored):
            return profile.embedding
    side = recipe.augmentation.size
    resize = side if recipe.augmentation.stored == side else side * 8 // 7
    return Embedding(resize=resize, crop=side, stored=recipe.augmentation.stored)


def _sha256(file: Path) -> str:
    try:
        return file_sha256(file)
    except OSError as error:
        raise UserError(f"encoder weights {file} cannot be read: {error.strerror}") from error
