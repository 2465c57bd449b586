"""Protocols: how the ambiguous steps of the paper are read. Every switch is part of the key of the stages that it
moves."""

from typing import Literal

from benchmark.specs.base import ProtocolName, Spec


class Protocol(Spec):
    """The switches, each a paragraph of docs/protocol.md.

    `reference_round` is the round whose mean similarity the stopping threshold is taken from: the first (Algorithm 1)
    or the profile's patience (released code). `lengths` is "coded" (the released rule: epochs from |coreset| and
    ImageNet's length) or "equal" (every row takes the same number of optimiser steps).
    """

    name: ProtocolName
    summary: str
    reference_round: Literal["first", "patience"]
    failing_round: Literal["kept", "dropped"]
    overshoot: Literal["trim", "keep"]
    kmeans_inits: int
    probe: Literal["released", "clean"]
    lengths: Literal["coded", "equal"]


RELEASED = Protocol(
    name="released",
    summary="what the published numbers came from, as far as the released code tells",
    reference_round="patience",
    failing_round="dropped",
    overshoot="trim",
    # scikit-learn's default before 1.4, when the paper's numbers were made.
    kmeans_inits=10,
    probe="released",
    lengths="coded",
)

CLEAN = Protocol(
    name="clean",
    summary="Algorithm 1's stopping rule, equal steps for every row, nothing chosen on test images",
    reference_round="first",
    failing_round="kept",
    overshoot="trim",
    kmeans_inits=10,
    probe="clean",
    lengths="equal",
)

PROTOCOLS: dict[str, Protocol] = {protocol.name: protocol for protocol in (RELEASED, CLEAN)}
