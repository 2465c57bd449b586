"""Which images the pictures of evaluations show, and where: every image here is of one colour that says which it is."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from benchmark.evaluations._pictures import confusion_picture, most_confused, neighbours_picture
from benchmark.images.sheet import GAP, LINE, WIDEST, WIDTH

CLASSES = ("crow", "jay", "wren")


def colour(place):
    return (20 + 10 * place, 255 - 10 * place, 5 * place)


def source(labels):
    """Images of one colour each, of classes in folders."""
    ids = tuple(f"{CLASSES[label]}/{place}.png" for place, label in enumerate(labels))
    manifest = SimpleNamespace(ids=ids, classes=CLASSES, labels=tuple(labels))
    return SimpleNamespace(manifest=manifest, open=lambda place: Image.new("RGB", (32, 32), colour(place)))


def shown(picture, columns, count):
    """The images of each row, None for an empty place, by the colour in the middle of each."""
    side, places = min(WIDEST, WIDTH // columns), {colour(place): place for place in range(count)}
    rows, top = [], 0
    # A heading of one line, then images with two lines below them.
    while top < picture.height:
        middle = top + 2 * LINE + (side - GAP) // 2
        pixels = [picture.getpixel((side * column + side // 2, middle)) for column in range(columns)]
        rows.append([places.get(pixel) for pixel in pixels])
        top += 2 * LINE + side + 2 * LINE
    assert top == picture.height
    return rows


def on_circle(*degrees):
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_the_best_and_the_worst_queries_stand_with_their_neighbours_nearest_first():
    """Angles 0, 1, 40.2, 80 of crow, crow, jay, jay: all but 40.2 find their class first; 40.2 is nearer to 1 than to
    80 and finds it second. No query is its own neighbour."""
    labels = np.array([0, 0, 1, 1])
    picture = neighbours_picture(source(labels), on_circle(0, 1, 40.2, 80), labels)
    rows = shown(picture, 4, 4)
    # One of a class at either end; the crows are equal, and the later one is the last of them.
    assert rows == [[0, 1, 2, 3], [3, 2, 1, 0], [2, 1, 3, 0], [1, 0, 2, 3]]


def test_a_query_without_another_image_of_its_class_is_not_shown():
    labels = np.array([0, 0, 2])
    rows = shown(neighbours_picture(source(labels), on_circle(0, 1, 40), labels), 3, 3)
    assert [row[0] for row in rows] == [0, 1]
    with pytest.raises(ValueError, match="no query has another image of its class"):
        neighbours_picture(source([0, 1, 2]), on_circle(0, 1, 40), np.arange(3))


def test_the_most_confused_classes_are_those_with_the_largest_share_of_their_images():
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    predicted = np.array([1, 1, 2, 0, 0, 1, 2, 2])
    confused = most_confused(predicted, labels)
    # Of four crows two are taken for jays and one for a wren, of two jays one for a crow.
    assert [(one.true, one.other, one.positions.tolist(), one.images) for one in confused] == [
        (0, 1, [0, 1], 4),
        (1, 0, [4], 2),
        (0, 2, [2], 4),
    ]
    assert len(most_confused(predicted, labels, 2)) == 2 and most_confused(labels, labels) == ()


def test_images_that_were_taken_for_a_class_stand_beside_images_of_it():
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    picture = confusion_picture(source(labels), np.array([1, 1, 2, 0, 1, 1, 2, 2]), labels)
    rows = [[place for place in row if place is not None] for row in shown(picture, 8, 8)]
    assert rows == [[0, 1, 4, 5], [2, 6, 7]]
    with pytest.raises(ValueError, match="every test image is right"):
        confusion_picture(source(labels), labels, labels)
