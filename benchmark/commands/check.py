"""The verb `check`: someone's sampler held to the contract."""

from baselines.contract import check_sampler, verdicts_text
from benchmark.errors import UserError
from benchmark.stages.sample.names import resolve


def check(name: str) -> int:
    """Print a verdict for every clause on the sampler that `name` resolves to; 1 if one is broken, otherwise 0.

    Raises UserError for what `resolve` refuses and for a file of ids, which picks nothing.
    """
    plugin = resolve(name)
    if plugin.kind == "ids":
        raise UserError(f"{plugin.name} is a list of ids: there is no sampler in it to check")
    verdicts = check_sampler(plugin.make)
    print(f"{plugin.name} ({plugin.kind})\n{verdicts_text(verdicts)}")
    return int(not all(verdict.passed for verdict in verdicts))
