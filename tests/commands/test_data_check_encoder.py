"""`data check --encoder`: copies that no hash finds, and the errors of the option."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.__main__ import main
from benchmark.commands.data.check import data_check, findings_text
from benchmark.errors import UserError


def drawing(seed: int) -> Image.Image:
    """A smooth coloured picture that no other seed gives."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((96, 72), Image.Resampling.BICUBIC)


def save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Target `leaves`, whose test image elm/4.png is in open-set `pool` mirrored, and whose ash/2.png as it is, and
    target `weeds`, whose train split has a damaged file."""
    data = tmp_path / "data"
    for number, item in enumerate(("train/ash/0.png", "train/elm/1.png", "test/ash/2.png", "test/elm/3.png")):
        save(drawing(number), data / "targets/leaves" / item)
    save(drawing(4), data / "targets/leaves/test/elm/4.png")
    save(drawing(4).transpose(Image.Transpose.FLIP_LEFT_RIGHT), data / "opensets/pool/train/mirrored.png")
    save(drawing(2), data / "opensets/pool/train/same.bmp")
    for number, item in enumerate(("train/dock/5.png", "test/dock/6.png"), 5):
        save(drawing(number), data / "targets/weeds" / item)
    (data / "targets/weeds/train/dock/bad.png").write_bytes(b"no image")
    for number in range(10, 16):
        save(drawing(number), data / f"opensets/pool/train/{number}.png")
    return data


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small network with random weights, in a file."""
    import timm
    import torch

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "weights.pth"
    torch.save(timm.create_model("test_efficientnet", pretrained=False).state_dict(), path)
    return f"timm:test_efficientnet={path}"


def test_an_encoder_finds_what_no_hash_does(root: Path, tmp_path: Path, encoder: str) -> None:
    places = root, tmp_path / "runs", tmp_path / "report"
    findings = data_check(None, *places, jobs=1, encoder=encoder, cosine=0.001, device="cpu")
    plain = data_check(None, root, tmp_path / "runs", jobs=1)
    assert (plain.splits, plain.comparisons) == (findings.splits, findings.comparisons)
    train, test, pool = "targets/leaves/train", "targets/leaves/test", "opensets/pool/train"
    weeds = "targets/weeds/test"
    assert [(one.first, one.second, one.leak) for one in findings.likenesses] == [
        (train, train, False),
        (test, test, False),
        (test, train, False),
        (test, pool, True),
        # A run cannot read the train split of this target.
        (weeds, weeds, False),
        (weeds, pool, True),
    ]
    assert any("weeds/train" in fault and "bad.png" in fault for fault in findings.faults)
    pairs = findings.likenesses[3].pairs
    assert (pairs[0].first, pairs[0].second) == ("elm/4.png", "mirrored.png")
    # The hash has found the other one.
    assert [pair.second for pair in findings.comparisons[2].pairs] == ["same.bmp"]
    assert "ash/2.png" not in {pair.first for pair in pairs}
    shown = findings_text(findings)
    assert f"alike by test_efficientnet, cosine at least 0.001: {len(pairs)}" in shown
    assert "most alike first: elm/4.png = mirrored.png (" in shown
    content = json.loads((tmp_path / "report/check.json").read_text())
    assert content["likenesses"][3]["pairs"][0]["second"] == "mirrored.png"
    assert "elm/4.png | mirrored.png" in (tmp_path / "report/check.html").read_text()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"encoder": "nothing"}, "encoder 'nothing' is no file, and no key or label"),
        ({"encoder": "released"}, "the authors' encoders are of one target each"),
        ({"encoder": "timm:resnet18", "cosine": 1.5}, "give --cosine above 0 and at most 1"),
        ({"encoder": "timm:resnet18", "device": "tpu"}, "unknown device 'tpu'"),
    ],
)
def test_mistakes_are_seen_before_anything_is_looked_at(
    root: Path, tmp_path: Path, options: dict[str, object], match: str
) -> None:
    with pytest.raises(UserError, match=match):
        data_check(None, root, tmp_path / "runs", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "runs").exists()


def test_the_option_reaches_the_verb(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data", "check", "--data-root", str(root), "--store", str(tmp_path / "runs")]
    with pytest.raises(SystemExit) as end:
        main([*words, "--encoder", "timm:resnet18", "--cosine", "2"])
    assert end.value.code == 2 and "cosine of 2 shows everything or nothing" in capsys.readouterr().err
