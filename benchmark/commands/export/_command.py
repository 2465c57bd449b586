"""The verb `export`: from a key to a folder that stands on its own."""

from pathlib import Path

from pydantic import ValidationError

from benchmark.commands.export._card import card
from benchmark.commands.export._network import timm_form, write_network
from benchmark.commands.export.find import Training, find_training
from benchmark.errors import UserError
from benchmark.execution.record import write_record
from benchmark.planning.encoders import embedding_of
from benchmark.pretrain.encoder import load_encoder
from benchmark.specs.artefacts import ENCODER
from benchmark.specs.recipes import Embedding, Recipe
from benchmark.stages.pretrain import Pretraining, read_pretraining
from benchmark.system import place_aside

CARD = "README.md"


def export(key: str, out: Path, store: Path) -> str:
    """Write the encoder that `key` means to the new folder `out`; what was done, in one line.

    UserError, with nothing written, for a folder that exists or cannot be made, a key that means no finished training,
    and a network that timm does not have.
    """
    check_new(out)
    training = find_training(store, key)
    try:
        with place_aside(out) as folder:
            folder.mkdir()
            _fill(folder, training)
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror}; name another folder with --out") from error
    return f"{training.record.label} ({training.record.key[:12]}) is in {out}; {out / CARD} says how to load it"


def check_new(out: Path) -> None:
    """UserError for a folder that exists, and for one that lies in none."""
    if out.exists() or out.is_symlink():
        raise UserError(f"{out} exists already: name a new folder with --out")
    if not out.absolute().parent.is_dir():
        raise UserError(f"cannot write {out}: there is no folder {out.parent}")


def _fill(folder: Path, training: Training) -> None:
    spec = _spec(training)
    encoder = load_encoder(spec.recipe, training.result.file(ENCODER))
    exported, embedding = timm_form(spec.recipe.backbone, encoder), _embedding(training, spec.recipe)
    features = write_network(exported, embedding, folder)
    (folder / CARD).write_text(card(training, spec, exported, embedding, features))
    write_record(folder, training.record)


def _spec(training: Training) -> Pretraining:
    try:
        return read_pretraining(training.record.identity["spec"])
    except ValidationError as error:
        key, version = training.record.key[:12], training.record.environment["packages"].get("simcore-benchmark", "")
        raise UserError(
            f"training {key} is of another version of the suite ({version or 'unknown'}): use that"
        ) from error


def _embedding(training: Training, recipe: Recipe) -> Embedding:
    """How features were taken where the encoder was probed; as its profile would, if it never was."""
    for record in training.evaluations:
        return Embedding.model_validate(record.identity["spec"]["embedding"])
    return embedding_of(recipe)
