"""The checks of the two folders that a user names: that each is the one that is meant, and that the two differ."""

import posixpath

from benchmark.errors import UserError
from benchmark.images.items import Folder, Items, folder_of
from benchmark.images.manifest import Manifest
from benchmark.specs.wording import counted

SPLITS = ("train", "training", "test", "testing", "val", "valid", "validation", "eval")
"""What the folders of a dataset's splits are called, in lower case."""
FEWEST_TO_PRETRAIN, FEWEST = 10, 2
"""Images: to pretrain an encoder on, and to sample for or from. Below these there is nothing to learn or to choose."""


def check_split(items: Items) -> None:
    """UserError for the root of a dataset, whose test images would go where its training images go."""
    if not isinstance(items, Folder):
        # Of a table, only the rows of its train split are taken.
        return
    # The root may lie below an outer folder, as in an archive that was unpacked.
    root = posixpath.commonpath([posixpath.dirname(item) for item in items.ids])
    names = {folder_of(posixpath.relpath(item, root or ".")) for item in items.ids}
    splits = sorted(name for name in names if name.lower() in SPLITS)
    if len(splits) > 1:
        first = next((name for name in splits if name.lower().startswith("train")), splits[0])
        raise UserError(
            f"{part_of(items)} {items.name} is a dataset with the splits {', '.join(splits)}: name one of them, such "
            f"as --{part_of(items)} {items.path / root / first}; test images must not be pretrained on"
        )


def check_enough(items: Items, *, pretrained: bool) -> None:
    """UserError for fewer images than the question needs. `pretrained`: an encoder is to be pretrained on the target.

    Lists the images: those of a table are loaded.
    """
    target = items.role == "targets"
    needed = FEWEST_TO_PRETRAIN if target and pretrained else FEWEST
    if len(items.ids) < needed:
        purpose = "an encoder that is pretrained on it needs" if needed > FEWEST else "a coreset needs"
        way_out = ", or --encoder with a network that is trained already" if needed > FEWEST else ""
        count = counted(len(items.ids), "image")
        raise UserError(f"{part_of(items)} {items.name} has {count}: {purpose} at least {needed}{way_out}")


def check_apart(target: Items, pool: Items) -> None:
    """UserError where both are one folder, by whatever path."""
    if isinstance(target, Folder) and isinstance(pool, Folder) and target.place == pool.place:
        raise UserError(f"target {target.name} and pool {pool.name} are the same folder: name a pool of other images")


def folder_line(items: Items) -> str:
    """What lies in a folder, before it is read: "target: 797 images in 10 folders of my_birds/train"."""
    folders = {item.rpartition("/")[0] for item in items.ids}
    inside = f"{counted(len(folders), 'folder')} of " if folders != {""} else ""
    return f"{part_of(items)}: {counted(len(items.ids), 'image')} in {inside}{items.name}"


def shared_images(target: Manifest, pool: Manifest) -> str | None:
    """A line on images of the pool that lie in the target too, by content; None where there are none. UserError where
    all of them do."""
    known = set(target.digests)
    shared = sum(digest in known for digest in pool.digests)
    if shared == len(pool):
        raise UserError(
            f"all {shared:,} images of pool {pool.name} lie in target {target.name} too: name a pool of other images"
        )
    if not shared:
        return None
    return (
        f"{shared:,} of {len(pool):,} images of pool {pool.name} lie in target {target.name} too, byte for byte; "
        "the coreset may hold them"
    )


def part_of(items: Items) -> str:
    """What the items are to the command, as its options call it: "target" or "pool"."""
    return "target" if items.role == "targets" else "pool"
