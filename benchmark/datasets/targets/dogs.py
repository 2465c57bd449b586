"""Target Dogs."""

from benchmark.specs.datasets import Target

entry = Target(
    name="dogs",
    title="Dogs",
    classes=120,
    train=12_000,
    test=8580,
    metric="top1",
    source="http://vision.stanford.edu/aditya86/ImageNetDogs/",
    licence="research only: images are ImageNet's and belong to their owners, see source",
    citation=(
        "Khosla et al., Novel Dataset for Fine-Grained Image Categorization: Stanford Dogs, CVPR workshop on FGVC 2011"
    ),
    split="official split: train_list.mat and test_list.mat",
)
