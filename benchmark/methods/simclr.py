"""SimCLR, the method of Tables 2, 3 and 5."""

from benchmark.method_specs import SimCLR
from benchmark.recipe_specs import SGD, Augmentation, CodedEpochs, Cosine, Epochs
from benchmark.recipes import CODE, RESNET50, Evidence, Lengths, MethodEntry, Published, Small

CODED = CodedEpochs()

LENGTHS = Lengths(
    retrieval=Epochs(epochs=1000),
    target=Epochs(epochs=5000),
    openset=Epochs(epochs=100),
    both=Epochs(epochs=200),
    fixed=CODED,
    stopped=CODED,
    assumed=("openset", "fixed"),
)

LENGTHS_EVIDENCE = {
    "lengths.retrieval": Evidence(tag="readme", note="vanilla SSL on X for 1K epochs"),
    "lengths.target": Evidence(tag="code", note="run_selfsup.sh"),
    "lengths.openset": Evidence(tag="ours", note="the released rule gives 100 epochs for all of ImageNet"),
    "lengths.both": Evidence(tag="issue", note="issue 3"),
    "lengths.fixed": Evidence(tag="ours", note="the released rule, which the code applies with --stop alone"),
    "lengths.stopped": CODE,
}

entry = MethodEntry(
    name="simclr",
    title="SimCLR",
    reference="Chen et al., ICML 2020",
    engines=("solo-learn", "lightly"),
    published=Published(
        method=SimCLR(temperature=0.07),
        backbone=RESNET50,
        augmentation=Augmentation(size=224),
        optimiser=SGD(lr=0.1, weight_decay=1e-4),
        schedule=Cosine(per="epoch"),
        batch=512,
        # Both views of 512 images are concatenated before they are scattered to four GPUs: 1,024 / 4 crops.
        batchnorm_group=256,
        lengths=LENGTHS,
        evidence={
            "method": Evidence(tag="code", note="ssl/simclr.py; head d-d-128 with ReLU, no BatchNorm"),
            "backbone": Evidence(tag="slides", note="Table 2"),
            "augmentation": Evidence(tag="code", note="train_selfsup.py; no blur, no solarisation"),
            "optimiser": Evidence(tag="code", note="run_selfsup.sh; the file sizes of Faces say Adam"),
            "schedule": Evidence(tag="code", note="util/misc.py; renewed per epoch, counted from 1"),
            "batch": Evidence(tag="issue", note="issue 3, four GPUs"),
            "drop_last": CODE,
            "precision": Evidence(tag="code", note="--precision"),
            "batchnorm_group": Evidence(tag="derived", note="DataParallel over the authors' four GPUs"),
            **LENGTHS_EVIDENCE,
        },
    ),
    small=Small(method=SimCLR(temperature=0.2, batchnorm=True), per_view=False),
)
