import math

import numpy as np
import pytest

from benchmark.evaluations import geometry
from benchmark.evaluations._features import UnusableFeatures
from benchmark.evaluations.geometry import Geometry, measured
from benchmark.specs.recipes import Augmentation, Embedding


def test_values_intervals_and_what_each_image_contributes():
    x = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
    views = x, x + 0.1
    values = measured(x, views)
    assert all(one.interval[0] < one.value < one.interval[1] and one.n == 200 for one in values.values())
    assert values["alignment"].value == pytest.approx(values["alignment"].arrays["outcome"].mean(), rel=1e-5)
    assert math.log(values["uniformity"].arrays["potential"].mean()) == pytest.approx(values["uniformity"].value)
    assert measured(x, (x, x))["alignment"].value == pytest.approx(0)


def test_evenly_spread_features_differ_from_collapsed_ones():
    random = np.random.default_rng(0)
    spread = random.normal(size=(400, 8)).astype(np.float32)
    collapsed = (1 + 0.01 * spread).astype(np.float32)
    good, bad = (measured(x, (x, x)) for x in (spread, collapsed))
    assert good["effective_rank"].value > 7 and bad["effective_rank"].value < 2
    assert good["uniformity"].value < -2.5 and bad["uniformity"].value > -0.01


def test_a_single_image_is_refused(feature_task, tmp_path):
    spec = Geometry(embedding=Embedding(resize=8, crop=8, stored=8), augmentation=Augmentation(size=8), seed=0)
    task = feature_task(geometry, spec, test=(np.ones((1, 4), np.float32), [0]))
    with pytest.raises(UnusableFeatures, match="targets/x/test has a single image"):
        geometry.run(task, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_encoder_is_measured_by_two_views_of_every_image(small_encoder):
    record = small_encoder.evaluate("geometry")
    spec = record.identity["spec"]
    assert spec["augmentation"].get("views", 2) == 2 and spec["augmentation"]["stored"] == 40
    images = small_encoder.planner.catalogue.images("targets", "dtd", "test").count
    assert record.metrics["n"] == images and 0 < record.metrics["alignment"] < 4
    assert record.metrics["uniformity"] < 0 and 1 <= record.metrics["effective_rank"] <= 96
    arrays = small_encoder.arrays(small_encoder.plan("geometry"))
    assert arrays["outcome_alignment"].shape == arrays["potential_uniformity"].shape == (images,)
    # Other crops, other features: the views are no copies of one another.
    assert (arrays["outcome_alignment"] > 0).all()


def test_the_same_seed_gives_the_same_views_and_another_gives_others(small_encoder):
    first, other = (small_encoder.plan("geometry", seed=seed) for seed in (0, 1))
    values = [small_encoder.run(stage).metrics["alignment"] for stage in (first, other)]
    small_encoder.forget(first)
    assert values[0] == small_encoder.run(first).metrics["alignment"] != values[1]
