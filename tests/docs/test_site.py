"""The site of the documentation: its pages and their links. `tox` builds it, strictly."""

import tomllib
from pathlib import Path

import pytest

from scripts.build_site import DeadLink, linked, pages_of, site_names

ROOT = Path(__file__).resolve().parents[2]
PAGES = [path for path in site_names(ROOT) if path.suffix == ".md"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(path):
    text = linked(path.read_text(), path, ROOT)
    assert "<!--" not in text and "](../" not in text and "](docs/" not in text


def test_links_of_the_site_lead_to_its_pages():
    start = ROOT / "README.md"
    assert linked("[a](docs/data.md#layout)", start, ROOT) == "[a](data.md#layout)"
    assert linked("[a\nb](docs/tour.ipynb)", start, ROOT) == "[a\nb](tour.md)"
    assert linked("![p](docs/pictures/pipeline.png)", start, ROOT) == "![p](pictures/pipeline.png)"
    assert linked("[MIT](LICENSE)", start, ROOT) == "MIT (`LICENSE`)"
    assert linked("[results/mini](../results/mini)", ROOT / "docs" / "data.md", ROOT) == "`results/mini`"
    for kept in ("[a](https://example.org/x)", "[a](#b)", "`[a](b)`", "```\n[a](b)\n```"):
        assert linked(kept, start, ROOT) == kept
    assert linked("a\n<!-- numbers: x -->\n| b |\n", start, ROOT) == "a\n| b |\n"


@pytest.mark.parametrize("link", ["docs/no-such-page.md", "data.md", "docs/pictures/none.png", "../outside.md"])
def test_a_dead_link_is_named_with_its_page(link):
    with pytest.raises(DeadLink, match=rf"README\.md: no file for the link {link}"):
        linked(f"[a]({link})", ROOT / "README.md", ROOT)


def test_the_navigation_names_every_page_once():
    settings = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
    assert sorted(pages_of(settings["nav"])) == sorted([*site_names(ROOT).values(), "reference.md"])
