"""Target Faces."""

from benchmark.specs.datasets import Target

entry = Target(
    name="celeba",
    title="Faces",
    classes=307,
    train=4263,
    test=1215,
    metric="top1",
    source="https://github.com/switchablenorms/CelebAMask-HQ",
    licence="research only: non-commercial research purposes, see source",
    citation=(
        "Lee et al., MaskGAN: Towards Diverse and Interactive Facial Image Manipulation, CVPR 2020; Liu et "
        "al., Deep Learning Face Attributes in the Wild, ICCV 2015"
    ),
    split=(
        "CelebAMask-HQ joined with CelebA's identities, those with at least 15 images; of each identity the "
        "first int(0.8 n) files are train. The released script takes files in the order of os.listdir, so the"
        " authors' exact images are unknown"
    ),
)
