"""The encoders that SimCore's authors published: from a folder, or from the Hub with the revision that was got."""

from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import UserError

REPOSITORY = "sungnyun/openssl-simcore"
NAME = "{target}_resnet50_pretrain_simclr_merge_imagenet_simcore.pth"
TARGETS = ("aircraft", "cars", "pets", "cub", "flowers", "celeba")
"""Targets whose files are known to be there. Which row of Table 2 they are is not stated: the stopping criterion's, by
the settings of the released script."""


@dataclass(frozen=True)
class ReleasedFile:
    """A file of the authors; `revision` of the repository it came from, None for one of a folder."""

    path: Path
    revision: str | None

    @property
    def revision_text(self) -> str:
        """The revision in words, to follow a name."""
        return f" (revision {self.revision[:12]})" if self.revision else ""


def released_file(target: str, folder: Path | None) -> ReleasedFile:
    """The authors' encoder for `target`, in `folder` or downloaded from the Hub. UserError for a target that has none
    and where it cannot be had."""
    name = NAME.format(target=target)
    if folder is None:
        return _download(name, target)
    if not (folder / name).is_file():
        there = sorted(path.name for path in folder.glob(NAME.format(target="*")))
        raise UserError(f"{folder} has no {name}; there: {', '.join(there) or 'no file of the authors'}")
    return ReleasedFile(folder / name, None)


def _download(name: str, target: str) -> ReleasedFile:
    # Imported here: it takes half a second.
    from huggingface_hub import HfApi, hf_hub_download

    try:
        about = HfApi().model_info(REPOSITORY)
        there = {file.rfilename for file in about.siblings or ()}
        if name in there:
            return ReleasedFile(Path(hf_hub_download(REPOSITORY, name, revision=about.sha)), about.sha)
    except Exception as error:
        # The client raises errors of its transport, of the Hub and of the disk.
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UserError(
            f"{REPOSITORY} cannot be had from the Hub ({reason}); give its files with --encoder released=FOLDER"
        ) from error
    raise UserError(
        f"{REPOSITORY} has no {name}: the authors' encoders are known for {', '.join(TARGETS)}, not for {target}"
    )
