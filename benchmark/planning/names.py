"""Variants and protocols by name, and the samplers and encoders that a variant names.

A variant is one of:

* images of one or both data sets: `X`, `OS`, `X+OS`;
* X with a coreset, by any sampler and budget: `X+simcore(5%)`, `X+my_sampler.py:Mine(100)`, `X+picks.txt(stop)`;
* the same with features of another encoder, by any name that `--encoder` takes: `X+simcore(5%)@timm:NAME`,
  `X+simcore(5%)@released`, or of the network `untrained`;
* X for several times the steps: `X(2x)`;
* an encoder as it is, without any training: `@timm:NAME`, `@untrained`, `@released` (the authors' own).
"""

import json
import re
from pathlib import Path

from benchmark.errors import UnknownName, UserError
from benchmark.planning.encoders import RANDOM, RELEASED, TIMM, Encoder, Surroundings, find_encoder
from benchmark.planning.recipes import ResolvedRecipe
from benchmark.planning.values import PathLike
from benchmark.sampling.samplers import STOP, NamedSampler, find_sampler, read_budget
from benchmark.specs.artefacts import ENCODER
from benchmark.specs.protocols import PROTOCOLS, Protocol
from benchmark.specs.variants import PRETRAINED, UNTRAINED, VARIANTS, Variant
from benchmark.stages.frozen import FrozenEncoder
from benchmark.stages.sample import PluginSampling, SimCoreSampling

_CORESET = re.compile(r"X\+(?P<sampler>.+?)\((?P<budget>[^()]*)\)(?:@(?P<encoder>.+))?")
_LONGER = re.compile(r"X\((?P<factor>[1-9]\d*)x\)")
_ENCODER = re.compile(r"@(?P<encoder>.+)")
_KEY = re.compile("[0-9a-f]{64}")


def find_protocol(name: str) -> Protocol:
    """The protocol called `name`; `UnknownName` otherwise."""
    if name not in PROTOCOLS:
        raise UnknownName("protocol", name, list(PROTOCOLS))
    return PROTOCOLS[name]


def find_variant(text: str) -> Variant:
    """The variant that `text` names, its sampler and encoder as they are written there. UnknownName with the nearest
    names for what is none, UserError for a budget that is none."""
    if text in VARIANTS:
        return VARIANTS[text]
    if match := _CORESET.fullmatch(text):
        return coreset_variant(match["sampler"], match["budget"], match["encoder"] or PRETRAINED)
    if match := _LONGER.fullmatch(text):
        factor = int(match["factor"])
        title = f"control: X for {factor} times the steps"
        return Variant(name=text, title=title, target=True, openset="none", steps_factor=factor, control=True)
    if (match := _ENCODER.fullmatch(text)) and match["encoder"] != PRETRAINED:
        return encoder_variant(match["encoder"])
    raise UnknownName("variant", text, list(VARIANTS))


def coreset_variant(sampler: str, budget: str, encoder: str = PRETRAINED) -> Variant:
    """X with a coreset of `budget` images ("5%", "100" or "stop") that `sampler` picks in the features of `encoder`."""
    seen = "" if encoder == PRETRAINED else f"@{encoder}"
    name = f"X+{sampler}({budget}){seen}"
    if name in VARIANTS:
        return VARIANTS[name]
    features = {PRETRAINED: "", UNTRAINED: " on an untrained encoder's features"}.get(encoder, f" on {encoder}")
    return Variant(
        name=name,
        title=f"X + {sampler}{features}, {budget_title(budget)}",
        target=True,
        openset="coreset",
        sampler=sampler,
        budget=read_budget(budget),
        encoder=encoder,
    )


def encoder_variant(encoder: str) -> Variant:
    """The encoder as it is, for what the trainings of other rows change."""
    titles = {UNTRAINED: "control: the network untrained", RELEASED: "the authors' encoder as it is"}
    title = titles.get(encoder, f"control: {encoder} without training")
    return Variant(name=f"@{encoder}", title=title, target=False, openset="none", encoder=encoder, control=True)


def budget_title(budget: str) -> str:
    """ "p = 5 %", "100 images" or "stopping criterion"."""
    if budget == STOP:
        return "stopping criterion"
    return f"p = {budget.removesuffix('%')} %" if budget.endswith("%") else f"{budget} images"


def budget_text(variant: Variant) -> str:
    """The budget of a coreset as it is written in the variant's name."""
    return STOP if variant.budget is None else str(variant.budget)


def listed_sampler(selection: PathLike) -> str:
    """The sampler that a list of picks is. UserError where there is no such file."""
    if not Path(selection).is_file():
        raise UserError(f"there is no file '{selection}': --selection is a list of ids, as `sample --out` writes it")
    return str(selection)


def listed_row(selection: PathLike) -> str:
    """The row of X with a list of picks."""
    return f"X+{listed_sampler(selection)}({STOP})"


class Names:
    """Samplers and encoders by the texts that name them, each looked up once for all rows of a table."""

    def __init__(self, simcore: SimCoreSampling, store: Path | None = None) -> None:
        self.simcore, self.store = simcore, store
        self._samplers: dict[str, NamedSampler] = {}
        self._encoders: dict[tuple[str, Surroundings], Encoder] = {}

    def sampler(self, text: str) -> NamedSampler:
        """The sampler that `text` names. UserError for what cannot be used, and for two of one name."""
        if text not in self._samplers:
            sampler = find_sampler(text, self.simcore)
            if any(one.name == sampler.name and one.sampling != sampler.sampling for one in self._samplers.values()):
                raise UserError(f"two samplers are called {sampler.name}: rename a file or a class")
            self._samplers[text] = sampler
        return self._samplers[text]

    def encoder(self, text: str, target: str | None, setup: ResolvedRecipe | None, seed: int) -> Encoder | None:
        """The encoder that `text` names; None for the network that is pretrained on X, and for it untrained. The
        authors' encoder is the target's, a random one of the setup's network and the seed."""
        if text in (PRETRAINED, UNTRAINED):
            return None
        around = Surroundings(self.store, target, setup, seed) if _varies(text) else Surroundings(self.store)
        if (text, around) not in self._encoders:
            self._encoders[text, around] = find_encoder(text, around)
        return self._encoders[text, around]

    def initial_encoder(self, text: str) -> Encoder:
        """The encoder that trainings start from. UserError for one that is no file and no network of timm."""
        named = None if _varies(text) else self.encoder(text, None, None, 0)
        if named is None or not isinstance(named.stage.spec, FrozenEncoder):
            raise UserError("--initial-weights takes timm:NAME[=FILE], a checkpoint file or the folder of an export")
        return named

    def named(self, variant: Variant) -> Variant:
        """The variant under a name without folders of this machine. Its sampler and encoder are as they were given, so
        that they can be found again."""
        if variant.name in VARIANTS:
            return variant
        given = {"sampler": variant.sampler, "encoder": variant.encoder}
        if not _varies(variant.encoder):
            # What it names is looked up at once: a mistake is told before anything is planned.
            self.encoder(variant.encoder, None, None, 0)
        encoder = _without_folders(variant.encoder)
        if variant.sampler is not None:
            name = self.sampler(variant.sampler).name
            return coreset_variant(name, budget_text(variant), encoder).model_copy(update=given)
        return variant if variant.trained else encoder_variant(encoder).model_copy(update=given)

    @property
    def outside_samplers(self) -> dict[str, PluginSampling]:
        """Samplers of other code than `baselines`, by the texts that name them."""
        samplings = {text: sampler.sampling for text, sampler in self._samplers.items()}
        return {
            text: sampling
            for text, sampling in samplings.items()
            if isinstance(sampling, PluginSampling) and "class" in json.loads(sampling.identity)
        }

    @property
    def local(self) -> dict[str, str]:
        """Where the local files that specs name by their SHA-256 are."""
        named = [sampler.local for sampler in self._samplers.values()]
        named += [encoder.local for encoder in self._encoders.values()]
        return {digest: place for files in named for digest, place in files.items()}


def _varies(encoder: str) -> bool:
    """Whether a name means another encoder for every target or seed."""
    return encoder.partition("=")[0] in (RELEASED, RANDOM)


def _without_folders(encoder: str) -> str:
    """An encoder's name as tables write it: without folders, a key by its first digits."""
    name, equals, file = encoder.partition("=")
    if name == RELEASED:
        return RELEASED
    if name.startswith(TIMM):
        return f"{name}{equals}{Path(file).name}"
    path = Path(encoder)
    name = path.parent.name if path.name == ENCODER else path.name
    return name[:12] if _KEY.fullmatch(name) else name
