"""The paper profile's recipe really runs: two steps at batch 8, the one field that is overridden."""

import numpy as np
import pytest
from PIL import Image

from benchmark.planning.profiles import PAPER
from benchmark.pretrain.engines import find_engine
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


@pytest.fixture
def engine():
    """solo-learn, or a loud skip with the line that installs it."""
    from benchmark.errors import UserError

    try:
        return find_engine(PAPER.setup().recipe.engine)
    except UserError as error:
        pytest.skip(str(error))


@pytest.mark.slow
def test_two_steps_of_the_paper_profile(tmp_path, engine):
    recipe = PAPER.setup().recipe.model_copy(update={"batch": 8})
    changed = {
        name for name in type(recipe).model_fields if getattr(recipe, name) != getattr(PAPER.setup().recipe, name)
    }
    assert changed == {"batch"} and recipe.length == CodedEpochs()
    images = FileImages.of((Photographs(), None))
    result = train(
        recipe, images, SeedAxes(init=0, data=0), checkpoint_dir=tmp_path, coreset_size=12, stop_after=2, workers=0
    )
    assert result.epochs == 5000 and result.steps == 2 and result.samples == 16
    # Projections of 16 random crops are nearly alike: the loss of a fresh network is near log(2 * 8 - 1).
    assert all(abs(loss - np.log(15)) < 1.5 for loss in result.losses)
