"""The paper profile's recipe really runs by either engine: two steps at batch 8 in float32, and else as it stands."""

import numpy as np
import pytest
from PIL import Image

from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.profiles import PAPER
from benchmark.planning.query import Query
from benchmark.pretrain.train import train
from benchmark.specs.recipes import CodedEpochs, SeedAxes
from benchmark.training.image_views import FileImages


class Photographs:
    """Twenty pictures of the size of ImageNet's."""

    def __len__(self):
        return 20

    def open(self, index):
        pixels = np.random.default_rng(index).integers(0, 255, (300, 400, 3), dtype=np.uint8)
        return Image.fromarray(pixels)


@pytest.mark.slow
def test_two_steps_of_the_paper_profile(tmp_path, engine):
    published = PAPER.setup(engine=engine.name).recipe
    # A CPU without instructions for float16 takes more than ten minutes over these two steps in it.
    recipe = published.model_copy(update={"batch": 8, "precision": "float32"})
    changed = {name for name in type(recipe).model_fields if getattr(recipe, name) != getattr(published, name)}
    assert changed == {"batch", "precision"} and recipe.length == CodedEpochs()
    images = FileImages.of((Photographs(), None))
    result = train(
        recipe, images, SeedAxes(init=0, data=0), checkpoint_dir=tmp_path, coreset_size=12, stop_after=2, workers=0
    )
    assert result.epochs == 5000 and result.steps == 2 and result.samples == 16
    # Projections of 16 random crops are nearly alike: the loss of a fresh network is near log(2 * 8 - 1).
    assert all(abs(loss - np.log(15)) < 1.5 for loss in result.losses)


@pytest.mark.slow
@pytest.mark.parametrize("table", ["3", "4"])
def test_either_engine_builds_every_recipe_of_the_papers_tables(tmp_path, engine, table):
    """Table 3 has all networks of SimCLR but Table 2's and 5's, which is the test above; Table 4 all other methods."""
    setups = PlannedTable(Query(table, profile="paper", engine=engine.name, store=tmp_path)).setups
    assert len(setups) == 4
    for setup in setups:
        learner = engine.build(setup.recipe, 0)
        assert setup.recipe.engine == engine.name and sum(weights.numel() for weights in learner.parameters()) > 5e6
