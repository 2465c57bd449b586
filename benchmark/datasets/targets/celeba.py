"""Target Faces."""

from collections.abc import Iterator, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path

from benchmark.datasets.archives.formats import lines, rows
from benchmark.datasets.archives.official import Official, OfficialImage, Part
from benchmark.specs.datasets import Target

entry = Target(
    name="celeba",
    title="Faces",
    classes=307,
    train=4263,
    test=1215,
    metric="top1",
    source="https://github.com/switchablenorms/CelebAMask-HQ",
    licence="research only: non-commercial research purposes, see source",
    citation=(
        "Lee et al., MaskGAN: Towards Diverse and Interactive Facial Image Manipulation, CVPR 2020; Liu et "
        "al., Deep Learning Face Attributes in the Wild, ICCV 2015"
    ),
    split=(
        "CelebAMask-HQ joined with CelebA's identities, those with at least 15 images; of each identity the "
        "first int(0.8 n) files are train. The released script takes files in the order of os.listdir, so the"
        " authors' exact images are unknown"
    ),
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """Identities with at least 15 images in CelebAMask-HQ, their images in the order of the numbers that name them.

    The 40 attributes are labels of 0 and 1. The mask is the union of the masks of 18 parts of the head, hair, clothes
    and what is worn.
    """
    folder = tree / "CelebAMask-HQ"
    identity_of = dict(rows(tree / "identity_CelebA.txt", 2))
    numbers: dict[str, list[int]] = {}
    for line in lines(folder / "CelebA-HQ-to-CelebA-mapping.txt")[1:]:
        number, _, original = line.split()
        numbers.setdefault(identity_of[original], []).append(int(number))
    attributes = _attributes(folder / "CelebAMask-HQ-attribute-anno.txt")
    parts = _parts(folder / "CelebAMask-HQ-mask-anno")
    for identity, own in numbers.items():
        in_train = int(SHARE * len(own))
        for place, image in enumerate(sorted(own) if len(own) >= LEAST else ()):
            name = f"{image}.jpg"
            split = "train" if place < in_train else "test"
            file, own_parts = folder / "CelebA-HQ-img" / name, parts.get(image, [])
            yield OfficialImage(
                split,  # type: ignore[arg-type]
                identity,
                name,
                file,
                mask=partial(union, file, own_parts) if own_parts else None,
                labels=attributes.get(name, {}),
            )


LEAST, SHARE = 15, 0.8
"""Images that an identity must have, and the share of them that is train."""


def _parts(folder: Path) -> dict[int, list[Path]]:
    """The masks of parts by the number of their image: `<thousands>/<number>_<part>.png`."""
    by_image: dict[int, list[Path]] = {}
    for path in sorted(folder.glob("*/*_*.png")):
        by_image.setdefault(int(path.name.partition("_")[0]), []).append(path)
    return by_image


def union(file: Path, parts: Sequence[Path]) -> bytes:
    """A PNG of the image's size: 1 where any part is, else 2. The masks are stored at half the image's sides."""
    import numpy as np
    from PIL import Image

    with Image.open(file) as image:
        size = image.size
    seen = np.zeros(size[::-1], bool)
    for part in parts:
        with Image.open(part) as mask:
            seen |= np.asarray(mask.convert("L").resize(size, Image.Resampling.NEAREST)) > 0
    encoded = BytesIO()
    Image.fromarray(np.where(seen, 1, 2).astype(np.uint8)).save(encoded, "PNG")
    return encoded.getvalue()


def _attributes(path: Path) -> dict[str, dict[str, str]]:
    """0 or 1 for each attribute, by file name. The first line is a count, the second has the names."""
    if not path.exists():
        return {}
    _, names, *values = lines(path)
    known = {"-1": "0", "1": "1"}
    return {
        name: {attribute: known[value] for attribute, value in zip(names.split(), cells, strict=True)}
        for name, *cells in (line.split() for line in values)
    }


official = Official(
    parts=(
        Part(
            file="CelebAMask-HQ.zip",
            holds=("CelebAMask-HQ/CelebA-HQ-to-CelebA-mapping.txt", "CelebAMask-HQ/CelebA-HQ-img"),
            address="https://drive.google.com/open?id=1badu11NqxGf6qM3PTTooQDJvQbejgbTv",
            by_hand="Google Drive asks a browser to confirm it",
            rounded_gigabytes=2.9,
            read_in="several public READMEs, which link the page's own address",
        ),
        Part(
            file="identity_CelebA.txt",
            address="https://drive.google.com/open?id=1_ee_0u7vcNLOfNLegJRHmolfH5ICW-XS",
            by_hand="Google Drive asks a browser to confirm it",
            md5="32bd1bd63d3c78cd57e08160ec5ed1e2",
            read_in="torchvision, datasets/celeba.py",
        ),
    ),
    read=read,
    read_on="2026-11-24",
    note="the released split follows the order in which a folder of the authors' disk was listed, which nothing "
    "states; here images are sorted by number, so that counts are the paper's and the images of a split may not be",
)
