"""What tests of several folders share: engines, where they are installed."""

import os
import warnings
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="session")
def usable() -> Callable[[str], Any]:
    """`usable(name)`: the engine called `name`. Where it cannot be used, a skip with a warning that nobody overlooks; a
    failure where SOLO_LEARN says that a checkout was handed over to be tested."""

    def engine(name: str) -> Any:
        # Imported here: most tests need no torch.
        from benchmark.errors import UserError
        from benchmark.pretrain.engines import ENGINES

        found = ENGINES.get(name)
        try:
            found.require()
        except UserError as error:
            if os.environ.get("SOLO_LEARN"):
                pytest.fail(str(error))
            warnings.warn(f"NOT TESTED: {error}", stacklevel=1)
            pytest.skip(str(error))
        return found

    return engine
