"""The report of `data check` as files: JSON, and a page with the images of every pair side by side."""

import base64
import json
from collections.abc import Iterator, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UserError
from benchmark.system import write_atomically

if TYPE_CHECKING:
    from benchmark.images.duplicates import Pair
    from benchmark.images.inspection import DataFindings
    from benchmark.images.items import Items
    from benchmark.images.likeness import LikePair
    from benchmark.images.sources import ImageRoot

THUMBNAIL = 128
PAIRS = 200
"""Pairs that the page shows of one split or comparison; the JSON file has all."""
_STYLE = (
    "body{font:15px sans-serif;margin:2em}figure{display:inline-block;margin:.4em;padding:.4em;border:1px solid #ccc}"
    "figcaption{font-size:12px;max-width:270px;overflow-wrap:anywhere}img{margin-right:4px}"
)


def save_report(findings: "DataFindings", images: "ImageRoot", folder: Path, files: Sequence[str]) -> None:
    """Write the report into `folder` under the two names. UserError when it cannot be written."""
    data, page = files
    try:
        folder.mkdir(exist_ok=True)
        write_atomically(folder / data, json.dumps(findings.to_json(), indent=1) + "\n")
        write_atomically(folder / page, check_page(findings, images))
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}; name another folder with --out") from error


def check_page(findings: "DataFindings", images: "ImageRoot") -> str:
    """The page: one file without scripts that needs no network. Its thumbnails are part of it."""
    parts = ["<!doctype html><meta charset=utf-8><title>data check</title>", f"<style>{_STYLE}</style>"]
    parts += [f"<p>{escape(fault)}</p>" for fault in findings.faults]
    for split in findings.splits:
        odd = [(item, reason) for item, reason in split.unreadable]
        parts.append(f"<h2>{escape(split.label)}</h2><p>{split.readable:,} images, {len(split.grey):,} grey</p>")
        parts += [f"<p>unreadable: {escape(item)} ({escape(reason)})</p>" for item, reason in odd[:PAIRS]]
        parts += _tiny(_items(images, split.label), [item for item, _, _ in split.tiny])
        parts += _figures(images, split.label, split.label, split.pairs)
    for one in findings.comparisons:
        title = "Leak: " if one.leak and one.pairs else ""
        parts.append(f"<h2>{title}{escape(one.first)} in {escape(one.second)}</h2>")
        parts += _figures(images, one.first, one.second, one.pairs)
    for like in findings.likenesses:
        title = f"Alike by {findings.encoder}: {like.first} in {like.second}"
        parts.append(f"<h2>{escape(title)}</h2>")
        parts += _figures(images, like.first, like.second, like.pairs)
    return "\n".join(parts) + "\n"


def _items(images: "ImageRoot", label: str) -> "Items":
    role, name, split = label.split("/")
    return images.items(role, name, split)  # type: ignore[arg-type]


def _tiny(items: "Items", ids: Sequence[str]) -> Iterator[str]:
    for item in ids[:PAIRS]:
        yield f"<figure>{_thumbnail(items, item)}<figcaption>tiny: {escape(item)}</figcaption></figure>"


def _figures(images: "ImageRoot", first: str, second: str, pairs: "Sequence[Pair | LikePair]") -> Iterator[str]:
    left, right = _items(images, first), _items(images, second)
    for pair in pairs[:PAIRS]:
        pictures = _thumbnail(left, pair.first) + _thumbnail(right, pair.second)
        text = f"{pair.text}: {pair.first} | {pair.second}"
        yield f"<figure>{pictures}<figcaption>{escape(text)}</figcaption></figure>"
    if len(pairs) > PAIRS:
        yield f"<p>and {len(pairs) - PAIRS:,} more pairs: see the JSON file</p>"
    if not pairs:
        yield "<p>no image twice</p>"


def _thumbnail(items: "Items", item: str) -> str:
    from benchmark.images.looks import problem

    if reason := problem(items, item):
        return f"<span>{escape(reason)}</span>"
    image = items.open(item)
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=80)
    code = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(item)}" width={image.width} height={image.height} src="data:image/jpeg;base64,{code}">'
