"""From the measurements of `bench_pretrain` to its table: medians of rates and of the rounds' ratios.

A raw case is one round of one contender: profile, method, network, contender, round, images_per_second, peak_mib. A
summary has one case for each contender instead: medians over rounds, and for every ratio the median of the rounds'
ratios with the least and the largest. Records whose rounds were not kept hold summaries.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

BARE, TRAINER, SOLO, COMPILED, CONTIGUOUS = "bare step", "our trainer", "solo-learn", "compiled", "contiguous"
RATIOS = {
    TRAINER: ((BARE, "of_bare"), (SOLO, "of_solo")),
    COMPILED: ((BARE, "of_bare"),),
    CONTIGUOUS: ((BARE, "of_bare"),),
}
ROW = ("profile", "method", "network")
ROUNDS = ("round", "images_per_second", "peak_mib")

Case = Mapping[str, Any]


def summary(cases: Iterable[Case]) -> list[dict[str, Any]]:
    """One case for each row and contender. Cases that are summaries already stay as they are."""
    done: list[dict[str, Any]] = []
    for _, row in groupby(cases, key=lambda case: tuple(case[name] for name in ROW)):
        contenders: dict[str, list[Case]] = {}
        for case in row:
            contenders.setdefault(case["contender"], []).append(case)
        done += [_summary(name, contenders) for name in contenders]
    return done


def _summary(name: str, contenders: Mapping[str, Sequence[Case]]) -> dict[str, Any]:
    own = contenders[name]
    if "round" not in own[0]:
        return dict(own[0])
    values = {key: value for key, value in own[0].items() if key not in ROUNDS}
    values["images_per_second"] = statistics.median(case["images_per_second"] for case in own)
    values["peak_mib"] = own[0].get("peak_mib")
    for other, ratio in RATIOS.get(name, ()):
        by_round = {case["round"]: case["images_per_second"] for case in contenders.get(other, ())}
        ratios = [case["images_per_second"] / by_round[case["round"]] for case in own if case["round"] in by_round]
        if ratios:
            values[ratio] = statistics.median(ratios)
            values |= {f"{ratio}_least": min(ratios), f"{ratio}_largest": max(ratios)}
    return values


# The table -----------------------------------------------------------------------------------------------------------


def goals(case: Case, ratio: str) -> float:
    """What ours / bare and ours / solo-learn should be at least."""
    stated = (case["method"], case["network"], case["px"]) == ("simclr", "resnet18", 48)
    return {"of_bare": 0.95 if stated else 0.9, "of_solo": 1.4 if stated else 1.0}[ratio]


def table(cases: Iterable[Case], *, marked: bool = False) -> tuple[list[str], list[list[str]]]:
    """Header and rows, a row for each method and network. `marked`: with the goal where a ratio misses it."""
    rows: list[dict[str, Case]] = []
    for _, group in groupby(summary(cases), key=lambda case: tuple(case[name] for name in ROW)):
        rows.append({case["contender"]: case for case in group})
    extra = [name for name in (COMPILED, CONTIGUOUS) if any(name in row for row in rows)]
    images = [f"{name}, images/s" for name in (BARE, TRAINER, SOLO)]
    more = [f"{name} / bare" for name in extra]
    header = ["method", "network", *images, "ours / bare", "ours / solo-learn", *more, "peak MiB of the three"]
    return header, [_cells(row, extra, marked) for row in rows]


def _cells(row: Mapping[str, Case], extra: Sequence[str], marked: bool) -> list[str]:
    one, three = next(iter(row.values())), (BARE, TRAINER, SOLO)
    return [
        one["method"],
        one["network"],
        *(_number(row.get(name, {}).get("images_per_second")) for name in three),
        *(
            _ratio(row.get(TRAINER, {}), ratio, goals(one, ratio) if marked else 0.0)
            for ratio in ("of_bare", "of_solo")
        ),
        *(_ratio(row.get(name, {}), "of_bare", 0.0) for name in extra),
        ", ".join(_number(row.get(name, {}).get("peak_mib")) for name in three),
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _ratio(case: Case, name: str, goal: float) -> str:
    """The median of the rounds' ratios, the least and the largest where they are kept, the goal that is missed."""
    if case.get(name) is None:
        return "-"
    text = f"{case[name]:.2f}"
    if f"{name}_least" in case:
        text += f" [{case[f'{name}_least']:.2f}, {case[f'{name}_largest']:.2f}]"
    return text if case[name] >= goal else f"{text} (goal {goal:.2f})"
