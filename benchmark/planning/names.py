"""Variants and protocols by name."""

from benchmark.errors import UnknownName
from benchmark.specs.protocols import PROTOCOLS, Protocol
from benchmark.specs.variants import VARIANTS, Variant


def find_protocol(name: str) -> Protocol:
    """The protocol called `name`; `UnknownName` otherwise."""
    if name not in PROTOCOLS:
        raise UnknownName("protocol", name, list(PROTOCOLS))
    return PROTOCOLS[name]


def find_variant(name: str) -> Variant:
    """The variant called `name`; `UnknownName` with the nearest names otherwise."""
    if name not in VARIANTS:
        raise UnknownName("variant", name, list(VARIANTS))
    return VARIANTS[name]
