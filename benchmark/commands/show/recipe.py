"""What `show recipe` prints: every value of a published recipe, and where it was read."""

from collections.abc import Iterator

from benchmark.specs.folding import grid, table_width
from benchmark.specs.methods import Evidence, MethodEntry, PublishedRecipe
from benchmark.specs.recipes import Recipe

MEANING = {
    "code": "the authors' released code",
    "issue": "an answer of the authors in an issue",
    "slides": "slides with pictures of the paper",
    "readme": "the authors' readme",
    "third": "third parties' scripts",
    "derived": "derived from the others",
    "ours": "UNKNOWN: our choice",
}
UNTOLD = ("evidence", "lengths.assumed", "engine")
USUAL_VALUES = {"online": None, "token": "head", "standardise": False, "target_only_method": None}
"""Fields that say nothing where they are at these values."""


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every field below `value`, as (dotted path, value); a tuple is one value."""
    if isinstance(value, dict) and value:
        for name, part in value.items():
            yield from leaves(part, f"{path}.{name}" if path else name)
    else:
        yield path, value


def fields(published: PublishedRecipe) -> Iterator[tuple[str, object]]:
    """The fields of a recipe that need evidence; what says only which of several a spec is has none."""
    for path, value in leaves(published.model_dump(mode="json")):
        neutral = path in USUAL_VALUES and value == USUAL_VALUES[path]
        if not (neutral or path.startswith(UNTOLD) or path.endswith(".kind")):
            yield path, value


def recipe_text(entry: MethodEntry) -> str:
    """The recipe of the paper profile with its evidence, then what is our choice."""
    published = entry.published
    stated = [(path, value, published.evidence_of(path)) for path, value in fields(published)]
    rows = [
        (path, _plain(value), evidence.tag if evidence else "", _note(evidence, before))
        for (path, value, evidence), before in zip(stated, [None, *(evidence for *_, evidence in stated)], strict=False)
    ]
    chosen = [path for path, _, evidence in stated if evidence is not None and evidence.tag == "ours"]
    used = sorted({evidence.tag for _, _, evidence in stated if evidence is not None})
    width = table_width()
    lines = [
        f"{entry.name}: {entry.title} ({entry.reference}); engines: {', '.join(entry.engines)}",
        "as published (profile paper); smoke and mini train smaller forms: --profile mini shows them",
        "",
        grid(["field", "value", "evidence", "note"], rows, width, shares=(0.34, 0.26, 0.1, 0.3)),
        "",
        "; ".join(f"{tag} = {MEANING[tag]}" for tag in used),
        "",
        f"our choice, because nothing states it: {', '.join(chosen) or 'nothing'}",
    ]
    return "\n".join(lines)


def small_text(entry: MethodEntry, recipe: Recipe, profile: str) -> str:
    """The recipe of a small profile."""
    rows = [(path, _plain(value)) for path, value in leaves(recipe.model_dump(mode="json")) if path != "threads"]
    table = grid(["field", "value"], rows, table_width())
    return f"{entry.name}: {entry.title}, in profile {profile}; all of it is this suite's choice\n\n{table}"


def _note(evidence: Evidence | None, before: Evidence | None) -> str:
    """What is said of a whole group of fields stands beside its first one alone."""
    return "" if evidence is None or evidence is before else evidence.note


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else "-" if value is None else str(value)
