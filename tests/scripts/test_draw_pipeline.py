"""The picture of the README: what is drawn as the coreset are the picks."""

import numpy as np
from PIL import Image

from scripts.draw_pipeline import CENTROIDS, PICK_COLOUR, Drawn, draw


class Plain:
    """Images of one colour each: red of their set, green of their position."""

    def __init__(self, red, count):
        self.red, self.count = red, count

    def __len__(self):
        return self.count

    def open(self, position):
        return Image.new("RGB", (20, 20), (self.red, position, 0))


def colours(axes):
    """The colours of the images of a sheet, without its frame."""
    pixels = np.asarray(axes.images[0].get_array())
    return {tuple(colour) for colour in pixels.reshape(-1, 3).tolist() if colour[2] == 0 and colour[0] in (1, 2)}


def test_the_sheets_show_target_pool_and_the_first_picks():
    rng = np.random.default_rng(0)
    target, pool = (rng.normal(size=(count, 5)).astype(np.float32) for count in (30, 60))
    picks = np.arange(40, 60)
    figure = draw(Drawn(target, pool, picks, Plain(1, 30), Plain(2, 60)))
    of_x, of_pool, scatter, coreset = figure.axes
    assert len(colours(of_x)) == 6 and {red for red, *_ in colours(of_x)} == {1}
    assert len(colours(of_pool)) == 12 and {red for red, *_ in colours(of_pool)} == {2}
    assert colours(coreset) == {(2, position, 0) for position in picks[:12].tolist()}
    points = {each.get_label(): len(each.get_offsets()) for each in scatter.collections}
    assert points == {"pool": 60, "picks": 20, "X": 30, "centroids": CENTROIDS}
    (frame,) = {tuple(pixel) for pixel in np.asarray(coreset.images[0].get_array())[0].tolist()}
    assert "#{:02x}{:02x}{:02x}".format(*frame) == PICK_COLOUR
