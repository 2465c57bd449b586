"""Two folders of noise, a store, and `sample` on them: what the tests of `sample` and `pretrain` share."""

import pytest
from noise_folders import POOL, save_noise

from benchmark.__main__ import main


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    for number in range(12):
        save_noise(root / "mine" / f"{number:02d}.png", number, "blue")
    for number in range(POOL):
        colour = "red" if number % 3 else "blue"
        save_noise(root / "pool" / f"part{number % 2}" / f"{number:02d}.png", 100 + number, colour)
    return root


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store") / "runs"


@pytest.fixture
def sampled(folders, store, tmp_path, capsys):
    """Run `sample` on the two folders: exit code and what was printed."""

    def run(*more, target="mine", pool="pool", out="coreset.txt"):
        places = ["--target", str(folders / target), "--pool", str(folders / pool), "--out", str(tmp_path / out)]
        small = ["--profile", "smoke", "--steps", "2", "--device", "cpu", "--store", str(store)]
        with pytest.raises(SystemExit) as end:
            main(["sample", *places, *small, *more])
        return end.value.code, capsys.readouterr()

    return run
