"""Two folders that a user names, as the data of a table of one row."""

from dataclasses import dataclass

from benchmark.images.data import Data
from benchmark.images.manifest import Split
from benchmark.specs.datasets import Metric, Role
from benchmark.specs.stages import Images


@dataclass(frozen=True)
class TwoFolders:
    """The data of a table of one row: one folder is the target, the other the open-set, each under its own path.
    Neither has labels."""

    data: Data

    def images(self, role: Role, name: str, split: str) -> Images:
        """The images of the folder at the path `name`."""
        return self.data.images(role, name, "train")

    def relevance(self, openset: str, target: str) -> Images | None:
        """No label says which images of the pool are relevant."""
        return None

    def sources(self, openset: str) -> Images | None:
        """The labels of the pool that say which source an image is from."""
        return self.data.sources(openset)

    def attributes(self, target: str) -> Images | None:
        """None: nothing is evaluated."""
        return None

    def class_sizes(self, target: str, split: Split) -> None:
        """None: nothing is evaluated."""

    def metric(self, target: str) -> Metric:
        """Nothing is evaluated."""
        return "top1"
