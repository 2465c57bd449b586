"""Values that the methods of SimCore share: how long each run trains, and where that was read."""

from benchmark.specs.methods import CODE, Evidence, Lengths
from benchmark.specs.recipes import CodedEpochs, Epochs

RELEASED_EPOCHS = CodedEpochs()

LENGTHS = Lengths(
    retrieval=Epochs(epochs=1000),
    target=Epochs(epochs=5000),
    openset=Epochs(epochs=100),
    both=Epochs(epochs=200),
    fixed=RELEASED_EPOCHS,
    stopped=RELEASED_EPOCHS,
    assumed=("openset", "fixed"),
)
"""Of SimCLR, the one method whose lengths are stated."""

BORROWED_LENGTHS = LENGTHS.model_copy(update={"assumed": ("target", "openset", "both", "fixed")})
"""Of a method of which nothing is stated: as for SimCLR."""

EVIDENCE = {
    "precision": Evidence(tag="code", note="--precision"),
    "drop_last": CODE,
    "lengths.retrieval": Evidence(tag="readme", note="vanilla SSL on X for 1K epochs"),
    "lengths.target": Evidence(tag="code", note="run_selfsup.sh"),
    "lengths.openset": Evidence(tag="ours", note="the released rule gives 100 epochs for all of ImageNet"),
    "lengths.both": Evidence(tag="issue", note="issue 3"),
    "lengths.fixed": Evidence(tag="ours", note="the released rule, which the code applies with --stop alone"),
    "lengths.stopped": CODE,
}

AS_SIMCLR = Evidence(tag="ours", note="as for SimCLR")
SCRIPTS = Evidence(tag="ours", note="the scripts' values for SimCLR")

BORROWED_EVIDENCE = {
    **EVIDENCE,
    "batch": AS_SIMCLR,
    "lengths.target": AS_SIMCLR,
    "lengths.both": Evidence(tag="ours", note="as for SimCLR; no such row in Table 4"),
}
