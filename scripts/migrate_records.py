"""Bring committed records to the form and the identity of today.

    python scripts/migrate_records.py --data-root DIR [FOLDER ...]

A folder is one that `--save` wrote; without one, all below results/. Two things may be of before in it:

* Records had a list of the names of their stage's files, and no digest. Of those files a committed folder keeps the
  list of picks, and `spec.json` is the record's own identity: they get their SHA-256. The others (features, weights,
  predictions as .npz) were not kept, and their digests are null.
* The identity of a target's images included their labels, and that of relevance labels the target's name. Today keys
  hold images and labels apart, and no names. The images behind the records, in DIR, give the old identities and the
  new ones. Every key is computed again, and files are named by it. Nothing that was measured changes.

A table that was measured in bfloat16 gets the note that a run with `--precision bfloat16` writes. A folder is replaced
when its migrated copy verifies, and not at all otherwise, as where its images are not in DIR. What is of today already
is left as it is. Here until the last experiment that writes the form of before has ended.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmark.errors import UserError  # noqa: E402
from benchmark.execution.record import Record  # noqa: E402
from benchmark.images.data import Data, SplitName  # noqa: E402
from benchmark.images.items import Items  # noqa: E402
from benchmark.images.manifest import Manifest  # noqa: E402
from benchmark.report.collect import assemble  # noqa: E402
from benchmark.report.formats import render  # noqa: E402
from benchmark.report.records import TABLES, read_results, verify  # noqa: E402
from benchmark.specs.artefacts import PICKS  # noqa: E402
from benchmark.specs.base import digest  # noqa: E402
from benchmark.specs.stages import Images  # noqa: E402
from benchmark.system import file_sha256, write_atomically  # noqa: E402

KEY = re.compile("[0-9a-f]{64}")
BFLOAT16 = "measured with precision bfloat16: the published values beside these are of the table's own recipes"

Json = dict[str, Any]
Known = dict[str, Images]
"""Images and relevance labels of today by the identity that they had before."""


# Identities ----------------------------------------------------------------------------------------------------------
def old_images_sha256(manifest: Manifest) -> str:
    """The identity of images as it was: of a target's, labels included."""
    content: dict[str, object] = {"ids": manifest.ids, "digests": manifest.digests}
    return digest(content | ({"labels": manifest.labels} if manifest.role == "targets" else {}))


def old_relevance_sha256(items: Items, target: str) -> str:
    """The identity of relevance labels as it was: the target's name included."""
    labels = items.folder_labels
    assert labels is not None
    rows = sorted((folder, labels.source[folder], target in names) for folder, names in labels.relevant.items())
    return digest({"target": target, "folders": rows})


def splits_of(layout: Json) -> list[SplitName]:
    """The splits whose images a table's records may be of."""
    splits: list[SplitName] = [
        ("targets", name, split)
        for name in layout["columns"]
        for split in ("train", "test")  # type: ignore[misc]
    ]
    return splits + [("opensets", name, "train") for name in filter(None, layout["openset"].split(", "))]


def known_images(data: Data, layout: Json) -> Known:
    """All images and relevance labels that a table's records may be of."""
    splits = splits_of(layout)
    data.read(splits)
    known = {}
    for role, name, split in splits:
        manifest = data.manifest(role, name, split)
        assert manifest is not None
        known[old_images_sha256(manifest)] = data.images(role, name, split)
        for target in layout["columns"] if role == "opensets" else ():
            if (relevance := data.relevance(name, target)) is not None:
                known[old_relevance_sha256(data.find(role, name), target)] = relevance
    return known


# Records -------------------------------------------------------------------------------------------------------------
def with_digests(value: Json, folder: Path) -> Json:
    """A record of the form of before, as JSON, in the new one; `folder` is the committed folder that it is of."""
    files: dict[str, str | None] = dict.fromkeys(value["files"])
    # What is written there is what the key is the hash of.
    files["spec.json"] = value["key"]
    if PICKS in files:
        files[PICKS] = file_sha256(folder / "picks" / f"{value['key']}.txt")
    return Record(**{**value, "files": files}).to_json()


@dataclass
class Renewal:
    """The records of one folder by their old keys, and the images that they are of."""

    records: dict[str, Json]
    known: Known

    def identity(self, old: str) -> Json:
        """The identity of today of the record whose key was `old`."""
        identity: Json = self.records[old]["identity"]
        inputs: Json = {}
        for name, key in identity["inputs"].items():
            inputs |= {name: self.key(key)} if key in self.records else self._images(identity, name, key).keys(name)
        # The target is in the relevance labels.
        spec = {} if identity["kind"] == "purity" else identity["spec"]
        return {**identity, "spec": spec, "inputs": inputs}

    def key(self, old: str) -> str:
        """The key of today of the record whose key was `old`."""
        return digest(self.identity(old))

    def _images(self, identity: Json, name: str, key: str) -> Images:
        if key not in self.known:
            raise UserError(f"a record of kind {identity['kind']} has the input {name} {key[:12]}, which is unknown")
        images = self.known[key]
        return images.with_labels if _reads_labels(identity, name) else images


def _reads_labels(identity: Json, name: str) -> bool:
    if identity["kind"] == "evaluate":
        return name in ("train", "test")
    return identity["kind"] == "pretrain" and name == "target" and bool(identity["spec"]["recipe"].get("online"))


def is_of_today(records: dict[str, Json]) -> bool:
    """Whether the records have the identity of today: evaluations name labels."""
    return all(
        "train labels" in value["identity"]["inputs"] for value in records.values() if value["kind"] == "evaluate"
    )


# Folders -------------------------------------------------------------------------------------------------------------
def read_records(folder: Path) -> dict[str, Json]:
    """The records of a folder by key, as JSON."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((folder / "records").glob("*.json"))}


def add_digests(folder: Path) -> None:
    """Bring the records that have no digests to the form that has them, in place."""
    for key, value in read_records(folder).items():
        if "format" not in value:
            write_record(folder, key, with_digests(value, folder))


def write_record(folder: Path, key: str, value: Json) -> None:
    write_atomically(folder / "records" / f"{key}.json", json.dumps(value) + "\n")


def renew(folder: Path, known: Known) -> None:
    """Bring the records of a folder to the identity of today, and name files by the new keys, in place."""
    records = read_records(folder)
    renewal = Renewal(records, known)
    keys = {old: renewal.key(old) for old in records}
    images = {old: value.key for old, value in known.items()}
    for path in (*folder.glob("picks/*"), folder / "cells.json"):
        text = path.read_text()
        write_atomically(path, KEY.sub(lambda match: (keys | images).get(match[0], match[0]), text))
    for place in ("records", "predictions", "picks"):
        # Git keeps no empty folder, such as that of the picks of a table without coresets.
        for path in list(folder.glob(f"{place}/*")):
            path.rename(path.with_stem(keys[path.stem]))
    for old, value in records.items():
        key, files = keys[old], {**value["files"], "spec.json": keys[old]}
        if PICKS in files:
            files[PICKS] = file_sha256(folder / "picks" / f"{key}.txt")
        fields = {**value, "key": key, "identity": renewal.identity(old), "files": files}
        del fields["sha256"]
        write_record(folder, key, Record(**fields).to_json())


def add_note(folder: Path, note: str) -> None:
    """Have the folder's table say something, unless it says so already."""
    path = folder / "layout.json"
    layout = json.loads(path.read_text())
    if note not in layout["notes"]:
        write_atomically(path, json.dumps({**layout, "notes": [note, *layout["notes"]]}) + "\n")


def is_bfloat16(folder: Path) -> bool:
    """Whether trainings of a folder were in bfloat16."""
    specs = [value["identity"]["spec"] for value in read_records(folder).values() if value["kind"] == "pretrain"]
    return any(spec["recipe"]["precision"] == "bfloat16" for spec in specs)


def migrate(folder: Path, data: Data) -> str:
    """Bring a folder to the form and the identity of today, in place; what was done, in a few words."""
    add_digests(folder)
    records = read_records(folder)
    if is_of_today(records):
        done = "has the identity of today"
    else:
        renew(folder, known_images(data, json.loads((folder / "layout.json").read_text())))
        done = f"{len(records)} records brought to the identity of today"
    if is_bfloat16(folder):
        add_note(folder, BFLOAT16)
    layout, runs, _ = read_results(folder)
    result = assemble(layout, runs)
    for name in TABLES if result.measures else TABLES[:1]:
        write_atomically(folder / name, render(result, Path(name).suffix[1:]))
    return done


def migrate_aside(folder: Path, data: Data) -> str:
    """`migrate` on a copy, which takes the folder's place when it verifies."""
    with tempfile.TemporaryDirectory(dir=folder.absolute().parent, prefix=".migrated-") as aside:
        copy = Path(shutil.copytree(folder, Path(aside) / "new"))
        done = migrate(copy, data)
        if problems := verify(copy).problems:
            raise UserError(f"its migrated copy does not verify: {problems[0]}")
        # Both lie on one disk: neither rename copies anything.
        folder.rename(Path(aside) / "old")
        copy.rename(folder)
    return done


def folders_below(places: list[Path]) -> Iterator[Path]:
    """The folders of records at or below the places."""
    for place in places:
        yield from sorted(path.parent for path in place.rglob("layout.json"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True, help="the images that the records are of")
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT / "results"], help="default: results/")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as store:
        data = Data(options.data_root, standins=False, cache=Path(store))
        for folder in folders_below(options.folders):
            try:
                print(f"{folder}: {migrate_aside(folder, data)}")
            except UserError as error:
                failed += 1
                print(f"{folder}: left as it was: {error}", file=sys.stderr)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
