"""Self-supervised methods, one file each: the published settings, and where each value was read."""

from benchmark.registry import Registry
from benchmark.specs.methods import MethodEntry
from benchmark.specs.recipes import Method, Recipe

METHODS: Registry[MethodEntry] = Registry("method", "benchmark.methods", MethodEntry, group="benchmark.methods")


def entry_of(method: Method) -> MethodEntry | None:
    """The entry whose published or small form `method` is; else one of its kind; None where there is none."""
    forms = [
        (entry, (entry.published.method, entry.published.target_only_method, entry.small.method)) for entry in METHODS
    ]
    exact = (entry for entry, known in forms if method in known)
    alike = (entry for entry in METHODS if entry.published.method.kind == method.kind)
    return next(exact, None) or next(alike, None)


def title_of(method: Method) -> str:
    """The method's title; its kind where no entry is of that kind."""
    entry = entry_of(method)
    return entry.title if entry else method.kind


def read_recipe(value: object) -> Recipe:
    """A recipe from its JSON, whatever its method. Raises pydantic's ValidationError where it is none."""
    # A method is read by its class, so that all methods are imported first.
    METHODS.names()
    return Recipe.model_validate(value)
