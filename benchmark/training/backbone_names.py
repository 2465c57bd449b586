"""Backbones by name: library, feature dimension and how features are read, stated once for sampling and for probing.

Every other name of timm works too, read as timm pools it without a classifier.
"""

from typing import Literal

from benchmark.errors import UnknownName
from benchmark.specs.base import Spec
from benchmark.specs.recipes import Backbone


class Network(Spec):
    """A backbone without classifier. `features` is d; `parameters` are counted at its usual size.

    `reading`: features are the global average of the last map, or the class token after the last normalisation. (MAE's
    sampling alone reads the patch tokens instead: `Embedding.token`.)
    """

    backbone: Backbone
    features: int
    parameters: int
    reading: Literal["average", "class token"] = "average"
    note: str = ""


def _network(
    library: Literal["timm", "torchvision"],
    name: str,
    features: int,
    parameters: int,
    note: str = "",
    drop_path: float = 0.0,
) -> Network:
    reading: Literal["average", "class token"] = "class token" if "vit" in name else "average"
    backbone = Backbone(name=name, library=library, drop_path=drop_path)
    return Network(backbone=backbone, features=features, parameters=parameters, reading=reading, note=note)


_B0 = (
    "B0 is our choice, the paper does not say which EfficientNet; stochastic depth 0.2, torchvision's, which the "
    "released code trains"
)

_ALL = (
    _network("torchvision", "resnet18", 512, 11_176_512),
    _network("torchvision", "resnet50", 2048, 23_508_032),
    _network("torchvision", "resnet101", 2048, 42_500_160),
    _network("torchvision", "resnext50_32x4d", 2048, 22_979_904),
    _network("timm", "efficientnet_b0", 1280, 4_007_548, _B0, drop_path=0.2),
    _network("timm", "vit_tiny_patch16_224", 192, 5_524_416),
    _network("timm", "vit_base_patch16_224", 768, 85_798_656),
    _network("timm", "resnet10t", 512, 4_922_488, "mini's stand-in for ResNet-50"),
    _network("timm", "test_resnet", 96, 372_688, "smoke's stand-in for ResNet-50"),
    _network("timm", "test_byobnet", 256, 199_856, "smoke's stand-in for ResNet-18"),
    _network("timm", "test_nfnet", 192, 190_080, "smoke's stand-in for ResNeXt-50"),
    _network("timm", "test_convnext", 64, 207_128, "smoke's stand-in for ResNet-101"),
    _network("timm", "test_efficientnet", 256, 99_196, "smoke's stand-in for EfficientNet-B0"),
    _network("timm", "test_vit", 64, 306_240, "smoke's stand-in for the vision transformers"),
)

NETWORKS: dict[str, Network] = {network.backbone.name: network for network in _ALL}


def find_backbone(name: str) -> Backbone:
    """The backbone called `name`: one of `NETWORKS`, or any of timm. UnknownName with the nearest names otherwise."""
    if name in NETWORKS:
        return NETWORKS[name].backbone
    # Imported here: plans of registered networks are made without torch.
    import timm

    if not timm.is_model(name):
        raise UnknownName("backbone", name, [*NETWORKS, *timm.list_models()])
    return Backbone(name=name, library="timm")


def fitted(backbone: Backbone, size: int) -> Backbone:
    """`backbone` for crops of `size` px: one of timm that is not registered and sees one size only is built for it."""
    if backbone.name in NETWORKS:
        return backbone
    # Imported here, as above.
    import timm

    known = timm.get_pretrained_cfg(backbone.name)
    if known is None or not known.fixed_input_size or known.input_size[-1] == size:
        return backbone
    return backbone.model_copy(update={"image_size": size})


def features_of(backbone: Backbone) -> int:
    """d of a backbone; for one that is not registered, a guess that cost estimates can live with."""
    return NETWORKS[backbone.name].features if backbone.name in NETWORKS else 2048


def bytes_of(backbone: Backbone) -> float:
    """Bytes of an encoder file; for a backbone that is not registered, a guess."""
    return 4.0 * (NETWORKS[backbone.name].parameters if backbone.name in NETWORKS else 25e6)
