"""Real pets with real trimaps, put into the layout of the official archives, come back as they are."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.datasets import miniatures
from tests.datasets.test_official_archives import images_below, prepare_small

A_BREED = 12
"""Images of each breed and split."""


@pytest.mark.realdata
def test_real_images_and_masks_come_back(tmp_path: Path) -> None:
    if "BENCHMARK_DATA" not in os.environ:
        pytest.skip("BENCHMARK_DATA is not set: real images are NOT tested")
    real = Path(os.environ["BENCHMARK_DATA"]) / "targets" / "pets3"
    source = tmp_path / "from"
    source.mkdir()
    chosen: dict[str, bytes] = {}
    images, notes = {}, {}
    for split, name in (("train", "trainval"), ("test", "test")):
        rows = []
        for number, breed in enumerate(sorted((real / split).iterdir()), 1):
            for file in sorted(breed.iterdir())[:A_BREED]:
                chosen[f"{split}/{breed.name}/{file.name}"] = images[f"images/{file.name}"] = file.read_bytes()
                trimap = real / "annotations/masks" / split / breed.name / f"{file.stem}.png"
                notes[f"annotations/trimaps/{file.stem}.png"] = trimap.read_bytes()
                rows.append(f"{file.stem} {number} {1 if breed.name[0].isupper() else 2} 1")
        notes[f"annotations/{name}.txt"] = miniatures.listed(rows)
    assert "images/Abyssinian_1.jpg" in images
    miniatures.write_tar(source / "images.tar.gz", images)
    miniatures.write_tar(source / "annotations.tar.gz", notes)
    prepared = prepare_small("pets", source, tmp_path / "root", chosen)
    assert images_below(prepared.folder) == chosen and len(chosen) == 6 * A_BREED
    for place in chosen:
        mask = Image.open((prepared.folder / "annotations/masks" / place).with_suffix(".png"))
        assert mask.size == Image.open(prepared.folder / place).size
        assert set(np.unique(np.asarray(mask))) <= {1, 2, 3}
