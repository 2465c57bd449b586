"""The samplers by name. Nothing is imported before a sampler is asked for: some need more than numpy.

>>> from baselines import SAMPLERS
>>> SAMPLERS["simcore-k1"].make()
SimCore(k=1, ...)
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from baselines.core.selection import Sampler


@dataclass(frozen=True)
class Entry:
    """A sampler of this package: where its class is, and the fields that its name stands for.

    version: bumped by hand when a change of its code moves its picks; part of the identity of stored results.
    stops: whether it has a stopping rule of its own (budget None).
    """

    name: str
    path: str
    reference: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    stops: bool = False

    @property
    def type(self) -> type[Sampler]:
        """The sampler's class."""
        module, _, name = self.path.partition(":")
        return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]

    def make(self, **fields: Any) -> Sampler:
        """The sampler, with `fields` in place of its defaults."""
        return self.type(**{**self.fields, **fields})


_KIM = "Kim, Bae, Yun, CVPR 2023"

SAMPLERS: Mapping[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("random", "baselines.random:Random", "uniform, without replacement"),
        Entry("simcore", "baselines.simcore:SimCore", _KIM, stops=True),
        Entry("simcore-k1", "baselines.simcore:SimCore", f"{_KIM}, dagger rows", {"k": 1}, stops=True),
        Entry("nearest", "baselines.nearest:NearestRetrieval", "Oquab et al., DINOv2, TMLR 2024, section 3"),
        Entry(
            "cluster-retrieval", "baselines.cluster_retrieval:ClusterRetrieval", "Oquab et al., TMLR 2024, section 3"
        ),
        Entry(
            "facility-location", "baselines.facility_location:FacilityLocation", "Minoux 1978; Wei et al., ICML 2015"
        ),
        Entry("k-centre", "baselines.k_centre:KCentre", "Sener and Savarese, ICLR 2018"),
        Entry("herding", "baselines.herding:Herding", "Welling, ICML 2009; Chen et al., UAI 2010"),
        Entry("dsir", "baselines.dsir:DSIR", "Xie et al., NeurIPS 2023", version=2),
        Entry(
            "classifier",
            "baselines.classifier:ClassifierScore",
            "logistic density ratio, Bickel et al., JMLR 2009",
            version=2,
        ),
        Entry("mahalanobis", "baselines.mahalanobis:Mahalanobis", "Lee et al., NeurIPS 2018", version=2),
        Entry("knn", "baselines.knn:KNNDistance", "Sun et al., ICML 2022", version=2),
        Entry("tsds", "baselines.tsds:TSDS", "Liu et al., NeurIPS 2024"),
        Entry("bloom", "baselines.bloom:BloomCoreset", "Singh et al., ICASSP 2025, arXiv 2412.16942"),
        Entry("semdedup", "baselines.semdedup:SemDeDup", "Abbas et al., 2023, around SimCore", stops=True),
        Entry("hierarchical", "baselines.hierarchical:HierarchicalKMeans", "Vo et al., TMLR 2024"),
    )
}
