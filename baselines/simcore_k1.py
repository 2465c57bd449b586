"""SimCore with one cluster: the dagger rows of the published tables."""

from baselines.registry import Entry

entry = Entry(
    "simcore-k1", "baselines.simcore:SimCore", "Kim, Bae, Yun, CVPR 2023, dagger rows", {"k": 1}, stops=True, place=3
)
