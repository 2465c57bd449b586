"""Learning Common Rationale (Shu et al., CVPR 2023): a small branch that fits where the SSL loss looks, and its maps.

From the released code (`moco/builder.py`, `models/byol.py`), with a switch for every step that is doubtful; see
`benchmark.methods._lcr.LCR` and docs/engines.md.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from benchmark.methods._lcr import LCR
from benchmark.methods.byol import BYOL
from benchmark.pretrain.learner import Learner, LearnerWrapper, Outputs, TrainingPosition
from benchmark.training.backbones import feature_dimension, pooling
from benchmark.training.optimisers import Group

_TINY = 1e-7


class Branch(nn.Module):
    """`projections` 1x1 convolutions with BatchNorm and ReLU, of which the largest counts at every place."""

    def __init__(self, dimension: int, projections: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(dimension, projections, kernel_size=1, bias=False)
        self.norm = nn.BatchNorm2d(projections)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The map [n, h, w] of a feature map [n, d, h, w]."""
        return F.relu(self.norm(self.project(features))).amax(1)


def scaled(maps: torch.Tensor, over: str) -> torch.Tensor:
    """Maps [n, h, w] moved to begin at 0 and end at 1, over the whole "batch", every "image", or "none"."""
    if over == "none":
        return maps
    places = (0, 1, 2) if over == "batch" else (1, 2)
    moved = maps - maps.amin(places, keepdim=True)
    return moved / (_TINY + moved.amax(places, keepdim=True))


class _Watched:
    """The feature map that last went into a network's pooling."""

    def __init__(self, network: nn.Module) -> None:
        self.features: torch.Tensor | None = None
        pooling(network).register_forward_pre_hook(self._keep)

    def _keep(self, _module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self.features = inputs[0]

    def take(self) -> torch.Tensor:
        """The map [n, d, h, w], given once, so that no graph outlives its step."""
        features, self.features = self.features, None
        assert features is not None
        return features


class RationaleEncoder(nn.Module):
    """A network whose features are pooled under the branch's map and normalised: v = L2norm(mean(F * A))."""

    def __init__(self, network: nn.Module, method: LCR) -> None:
        super().__init__()
        self.network, self.over = network, method.map
        self.branch = Branch(feature_dimension(network), method.projections)
        self._watched = _Watched(network)

    def maps(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The feature map [n, d, h, w] of images and the map [n, h, w] that weights it."""
        self.network(images)
        features = self._watched.take()
        return features, scaled(self.branch(features), self.over)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features, maps = self.maps(images)
        return F.normalize((features * maps[:, None]).mean((2, 3)), dim=1)


class RationaleLearner(LearnerWrapper):
    """`inner` with the branch beside it; loss = inner's + nu * KL(GradCAM of inner's loss || the branch's map)."""

    def __init__(self, inner: Learner, method: LCR) -> None:
        super().__init__(inner)
        self.method = method
        self.rationale = RationaleEncoder(inner.backbone, method)
        # LCR's BYOL is the mean of both ways' -cos, a quarter of 2 - 2 cos both ways summed (but for a constant).
        self._share = 0.25 if isinstance(method.inner, BYOL) else 1.0
        self._watched = self.rationale._watched
        self._first = 0
        self._seen: dict[str, float] = {}

    def encoder(self) -> nn.Module:
        return self.rationale

    def forward(self, views: torch.Tensor, first: int, local: torch.Tensor | None = None) -> Outputs:
        self._first = first
        return super().forward(views, first, local)

    def loss(self, outputs: Outputs, moment: TrainingPosition) -> torch.Tensor:
        loss = self._share * super().loss(outputs, moment)
        features = self._watched.take()
        (gradient,) = torch.autograd.grad(loss, features, retain_graph=True)
        view1 = features[: self._first].float()
        target = self.gradcam(view1, gradient[: self._first].float())
        fitted = scaled(self.rationale.branch(view1), self.method.map)
        fit = self._divergence(target, fitted)
        self._log(loss, fit, target, fitted)
        return loss + self.method.nu * fit

    def gradcam(self, features: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """Where the loss looks, [n, h, w], from a feature map and the loss's gradient by it, both [n, d, h, w]."""
        weights = gradient if self.method.weights == "elementwise" else gradient.mean((2, 3), keepdim=True)
        cam = (features * weights).sum(1)
        cam = F.relu(cam if self.method.sign == "+" else -cam)
        cam = scaled(cam, "image") if self.method.target == "minmax" else cam
        return cam.detach() if self.method.detach else cam

    def _distributed(self, maps: torch.Tensor) -> torch.Tensor:
        """Logits whose last axis is one softmax."""
        flat = maps if self.method.softmax == "row" else maps.flatten(1)
        return flat / self.method.temperature

    def _divergence(self, target: torch.Tensor, fitted: torch.Tensor) -> torch.Tensor:
        target_share = self._distributed(target).softmax(-1)
        return F.kl_div(self._distributed(fitted).log_softmax(-1), target_share, reduction="sum")

    @torch.no_grad()
    def _log(self, loss: torch.Tensor, fit: torch.Tensor, target: torch.Tensor, fitted: torch.Tensor) -> None:
        shares = self._distributed(target).softmax(-1)
        # Of the entropy that a uniform target would have; a map of one place is always uniform.
        entropy = torch.special.entr(shares).sum(-1).mean() / math.log(shares.shape[-1]) if shares.shape[-1] > 1 else 1
        self._seen = {
            "ssl_loss": float(loss),
            "fit_loss": float(fit),
            "cam_max": float(target.max()),
            "cam_entropy": float(entropy),
            "map_std": float(fitted.flatten(1).std(1, unbiased=False).mean()),
        }

    def groups(self) -> list[Group]:
        return [*super().groups(), {"params": list(self.rationale.branch.parameters())}]

    def statistics(self) -> dict[str, float]:
        """`cam_entropy` of 1: the target is uniform and tells nothing; `map_std` of 0: the map is flat."""
        return {**super().statistics(), **self._seen}
