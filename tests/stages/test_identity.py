"""Keys: what moves them, what must not, and that they stay what they were."""

import json
import shutil
from pathlib import Path

import pytest

from benchmark.evaluations import EVALUATIONS
from benchmark.methods.simclr import SimCLR
from benchmark.planning.planner import Planner
from benchmark.planning.profiles import MINI, PAPER, SMOKE
from benchmark.specs.cells import Plan
from benchmark.specs.protocols import CLEAN, RELEASED
from benchmark.specs.recipes import SeedAxes, Steps
from benchmark.specs.stages import Images, Stage
from benchmark.specs.variants import VARIANTS
from benchmark.stages import KINDS
from benchmark.stages.pretrain import KIND as PRETRAIN
from benchmark.stages.pretrain import Pretraining
from benchmark.stages.sample import KIND as SAMPLE
from benchmark.stages.sample import RandomSampling, SampleSpec, SimCoreSampling
from scripts import golden

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "keys.json"


class FixedCatalogue:
    """Images whose manifests are their names."""

    def images(self, role, name, split):
        place = f"{role}/{name}/{split}"
        return Images(role, name, split, f"images of {place}", 1000, f"labels of {place}")

    def relevance(self, openset, target):
        return Images("opensets", openset, f"relevance:{target}", f"labels of {openset} for {target}")

    def sources(self, openset):
        return Images("opensets", openset, "sources", f"sources of {openset}")

    def metric(self, target):
        return "top1"


def cell(profile=SMOKE, protocol=CLEAN, variant="X+simcore(5%)", seed=0, target="cub", **options):
    return Planner(profile, protocol, FixedCatalogue(), **options).cell(VARIANTS[variant], target, "imagenet", seed)


NAMED_AT_FIRST = {"X+simcore(5%)@untrained": "X+simcore-untrained(5%)"}
"""The names that the golden file has for variants which were called otherwise when it was made."""


def golden_keys():
    keys = {}
    for profile, protocol in ((SMOKE, CLEAN), (SMOKE, RELEASED), (MINI, CLEAN), (PAPER, RELEASED), (PAPER, CLEAN)):
        for variant in VARIANTS:
            if variant == "X(2x)" or profile is not PAPER or protocol is RELEASED:
                name = NAMED_AT_FIRST.get(variant, variant)
                keys[f"{profile.name} {protocol.name} {name}"] = cell(profile, protocol, variant).evaluate.key
    return keys


def test_keys_are_those_of_the_last_release():
    """If this fails, results on disk are lost to the new code: meant? Then delete the file and run `pytest` with
    UPDATE_GOLDEN_KEYS=1, and say so in the changelog."""
    import os

    if os.environ.get("UPDATE_GOLDEN_KEYS"):
        GOLDEN.write_text(json.dumps(golden_keys(), indent=1) + "\n")
    assert golden_keys() == json.loads(GOLDEN.read_text())


def test_the_order_of_fields_and_the_label_do_not_move_a_key():
    one = Stage(PRETRAIN, Pretraining(recipe=SMOKE.setup().recipe, seeds=SeedAxes(init=0, data=0)), (), "one")
    spec = Pretraining.model_validate({"seeds": {"data": 0, "init": 0}, "recipe": SMOKE.setup().recipe.model_dump()})
    assert one.key == Stage(PRETRAIN, spec, (), "another").key


@pytest.mark.parametrize("change", ["seed", "target", "variant", "protocol", "steps", "profile"])
def test_what_a_number_depends_on_moves_its_key(change):
    changes = {
        "seed": {"seed": 1},
        "target": {"target": "cars"},
        "variant": {"variant": "X+random(5%)"},
        "protocol": {"protocol": RELEASED},
        "steps": {"steps": 41},
        "profile": {"profile": MINI},
    }
    assert cell(**changes[change]).evaluate.key != cell().evaluate.key


def test_a_new_field_of_one_sampler_changes_no_key_of_the_others():
    class Grown(SimCoreSampling):
        invented: int = 3

    def key(sampling):
        spec = SampleSpec.model_construct(sampling=sampling, budget="5%", seed=0)
        return Stage(SAMPLE, spec, (), "").key

    assert (
        key(RandomSampling()) == Stage(SAMPLE, SampleSpec(sampling=RandomSampling(), budget="5%", seed=0), (), "").key
    )
    assert key(Grown(k=5)) != key(SimCoreSampling(k=5))


def test_a_new_method_changes_no_key_of_simclr():
    fields = json.loads(cell().pretrain.spec.model_dump_json())["recipe"]["method"]
    assert fields == {"kind": "simclr", "temperature": 0.2, "hidden": None, "output": 128, "batchnorm": True}
    assert set(fields) == set(SimCLR.model_fields)


def test_machines_and_paths_are_not_part_of_an_identity():
    def names(value):
        if isinstance(value, dict):
            return set(value) | {name for one in value.values() for name in names(one)}
        return set()

    used = {name for stage in (cell().evaluate, cell().pretrain, cell().sample) for name in names(stage.identity)}
    assert {"recipe", "engine", "sampling", "threads"} <= used
    assert not used & {"device", "workers", "path", "root", "store", "host", "jobs", "devices"}


def test_the_open_set_row_is_shared_by_all_targets_and_the_retrieval_encoder_is_the_x_row():
    assert cell(variant="OS").pretrain.key == cell(variant="OS", target="cars").pretrain.key
    features = cell().sample.input("pool")
    assert features.input("encoder").key == cell(variant="X").pretrain.key
    untrained = cell(variant="X+simcore(5%)@untrained").sample.input("pool").input("encoder")
    assert untrained.spec.recipe.length == Steps(steps=0)


@pytest.mark.parametrize("profile", [SMOKE, MINI, PAPER])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_training_behind_a_cell_is_of_the_cells_own_seed(profile, seed):
    """The retrieval encoder, trained or not, and what is trained on its picks."""
    for name in VARIANTS:
        planner = Planner(profile, CLEAN, FixedCatalogue())
        whole = Plan((planner.cell(VARIANTS[name], "cub", "imagenet", seed),)).stages
        trainings = [stage.spec.seeds for stage in whole if stage.kind.name == "pretrain"]
        assert trainings and set(trainings) == {SeedAxes(init=seed, data=seed)}, name
        assert {stage.spec.seed for stage in whole if stage.kind.name == "sample"} <= {seed}


# Sources -------------------------------------------------------------------------------------------------------------


def test_no_stage_changed_its_code_without_its_version():
    assert golden.differences(golden.current(), json.loads(golden.GOLDEN.read_text())) == []


@pytest.fixture
def copy(tmp_path):
    for name in ("benchmark", "baselines"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def hashes(root):
    kinds = {kind.name: kind for kind in KINDS} | {f"evaluation {one.name}": one.kind for one in EVALUATIONS}
    return {
        name: {"version": kind.version, "sources": golden.source_hash(kind.sources, root)}
        for name, kind in kinds.items()
    }


def test_changed_code_is_noticed_for_the_stages_that_use_it_and_no_others(copy):
    before = hashes(copy)
    path = copy / "baselines" / "simcore.py"
    path.write_text(path.read_text().replace("tau: float = 0.95", "tau: float = 0.9"))
    assert golden.differences(hashes(copy), before) == ["sample: its sources changed and its version did not"]


def test_comments_and_docstrings_do_not_count_as_code(copy):
    before = hashes(copy)
    path = copy / "baselines" / "simcore.py"
    path.write_text("# A comment.\n" + path.read_text().replace("SimCore sampling;", "Sampling by SimCore;"))
    assert hashes(copy) == before
