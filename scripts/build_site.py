"""Build the site of the documentation into build/site: `python -m scripts.build_site`.

Its pages are README.md (the start), docs/*.md, docs/tour.ipynb with its outputs, CHANGELOG.md and the docstrings of the
public names. They are laid into build/site-source and built by zensical, strictly: a link, an anchor or a page that is
missing is an error. The package index has what it needs: `pip install -e ".[docs]"`.
"""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import baselines
import benchmark

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = (benchmark, baselines)
"""Their public names (`__all__`) are the reference."""
UNSIGNED = "\n    options:\n      show_signature: false\n      separate_signature: false"

CODE = r"^```.*?^```$|`[^`]*`"
LINK = re.compile(rf"(?P<code>{CODE})|(?P<picture>!?)\[(?P<text>[^\[\]]*)\]\((?P<target>[^)\s]+)\)", re.M | re.S)
COMMENT = re.compile(r"<!--.*?-->\n?", re.S)
ELSEWHERE = re.compile(r"[a-z]+:|#")


class DeadLink(ValueError):
    """A link to a file that the repository does not have; the message names the page and the link."""


def site_names(root: Path) -> dict[Path, str]:
    """The pages that are files of the repository, each with its name in the site."""
    pages = {root / "README.md": "index.md", root / "CHANGELOG.md": "changelog.md", root / "docs/tour.ipynb": "tour.md"}
    return pages | {path: path.name for path in sorted((root / "docs").glob("*.md"))}


def stage(root: Path, folder: Path) -> None:
    """Write the sources of the site to `folder`. DeadLink for a link that leads nowhere."""
    pages = site_names(root)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copytree(root / "docs" / "pictures", folder / "pictures")
    for path, name in pages.items():
        text = _notebook(path, root, folder) if path.suffix == ".ipynb" else linked(path.read_text(), path, root)
        (folder / name).write_text(text)
    (folder / "reference.md").write_text(reference())


def linked(text: str, path: Path, root: Path) -> str:
    """The text of the page `path` for the site: without comments, with links to the site's pages.

    What the site has no page for, such as a record below results/, is named by its path instead.
    """
    pages = site_names(root)

    def link(match: re.Match[str]) -> str:
        if match["code"] or ELSEWHERE.match(match["target"]):
            return match[0]
        file, _, anchor = match["target"].partition("#")
        place = (path.parent / file).resolve()
        if place in pages:
            return f"[{match['text']}]({pages[place]}{'#' if anchor else ''}{anchor})"
        if not place.exists():
            raise DeadLink(f"{path.relative_to(root)}: no file for the link {match['target']}")
        if match["picture"]:
            return f"![{match['text']}](pictures/{place.name})"
        name = place.relative_to(root)
        return f"`{name}`" if match["text"].strip("`") in str(name) else f"{match['text']} (`{name}`)"

    return LINK.sub(link, COMMENT.sub("", text))


def _notebook(path: Path, root: Path, folder: Path) -> str:
    """The notebook as Markdown; the pictures of its outputs are written to `folder`."""
    import nbformat
    from nbconvert import MarkdownExporter

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = linked(cell.source, path, root)
    text, resources = MarkdownExporter().from_notebook_node(notebook)
    for name, data in resources["outputs"].items():
        (folder / name).write_bytes(data)
    # The site gives its own look, and a bar to scroll by, to tables without a class.
    return str(text).replace('<table border="1" class="dataframe">', "<table>")


def reference() -> str:
    """The page of docstrings: a section per package, whose public names mkdocstrings replaces by their docstrings."""
    return "\n\n".join(["# Docstrings", *(line for package in PACKAGES for line in _members(package))]) + "\n"


def _members(package: ModuleType) -> Iterator[str]:
    yield f"## `{package.__name__}`"
    for name in sorted(package.__all__, key=str.lower):
        function = getattr(package, name)
        takes_options = package is benchmark and inspect.isfunction(function)
        yield f"::: {package.__name__}.{name}" + (
            "\n    options:\n      show_signature: false" if takes_options else ""
        )
        if takes_options:
            yield f"Options and defaults:\n\n```python\n{_call(name, function)}\n```"


def _call(name: str, function: FunctionType) -> str:
    """A call that names every option with its default. The code itself has a class of options, which says less."""
    options = inspect.signature(function).parameters.values()
    values = (repr(str(one.default) if isinstance(one.default, Path) else one.default) for one in options)
    lines = (one.name if one.default is one.empty else f"{one.name}={value}"
             for one, value in zip(options, values, strict=True))  # fmt: skip
    return f"benchmark.{name}(\n" + "".join(f"    {line},\n" for line in lines) + ")"


def pages_of(entries: list[dict[str, Any]]) -> list[str]:
    """The pages of a navigation, in their order."""
    values = [value for entry in entries for value in entry.values()]
    return [page for value in values for page in ([value] if isinstance(value, str) else pages_of(value))]


def main() -> int:
    settings = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
    source = ROOT / settings["docs_dir"]
    stage(ROOT, source)
    left_out = {path.name for path in source.glob("*.md")} ^ set(pages_of(settings["nav"]))
    if left_out:
        sys.exit(f"zensical.toml: its navigation and the pages differ by {', '.join(sorted(left_out))}")
    return subprocess.run([sys.executable, "-m", "zensical", "build", "--strict", "--clean"], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
