"""Miniatures of the official archives of open-sets, written as tests/datasets/miniatures.py writes targets."""

from pathlib import Path

from tests.datasets.miniatures import Expected, picture, write_tar, write_zip


def imagenet(folder: Path) -> Expected:
    """torchvision, datasets/imagenet.py: a tar of tars. Quirks: a PNG and a CMYK JPEG among the .JPEG files."""
    images = {
        "n01440764/n01440764_10026.JPEG": picture(400),
        "n01440764/n01440764_18.JPEG": picture(401, "cmyk"),
        "n02105855/n02105855_2933.JPEG": picture(402, "palette"),
    }
    inner = {}
    for synset in ("n01440764", "n02105855"):
        path = folder / "inner.tar"
        write_tar(path, {Path(place).name: content for place, content in images.items() if place.startswith(synset)})
        inner[f"{synset}.tar"] = path.read_bytes()
        path.unlink()
    write_tar(folder / "ILSVRC2012_img_train.tar", inner)
    return {f"train/{place}": content for place, content in images.items()}


def coco(folder: Path) -> Expected:
    """The public script get_coco.sh and others, which unpack train2017.zip to a folder train2017."""
    files = {"train2017/000000000009.jpg": picture(410), "train2017/000000000025.jpg": picture(411, "grey")}
    write_zip(folder / "train2017.zip", files)
    return {f"train/{place}": content for place, content in files.items()}


def inaturalist(folder: Path) -> Expected:
    """torchvision, datasets/inaturalist.py: names of eight pieces."""
    species = (
        "00000_Animalia_Annelida_Clitellata_Haplotaxida_Lumbricidae_Lumbricus_terrestris",
        "00001_Animalia_Annelida_Polychaeta_Sabellida_Sabellidae_Sabella_spallanzanii",
    )
    files = {f"train_mini/{name}/{number}a-b.jpg": picture(420 + number) for number, name in enumerate(species)}
    write_tar(folder / "train_mini.tar.gz", files)
    return {place.replace("train_mini", "train"): content for place, content in files.items()}


def places(folder: Path) -> Expected:
    """torchvision, datasets/places365.py. Quirk: scenes with kinds are one folder deeper."""
    files = {
        "data_256/a/airfield/00000001.jpg": picture(430),
        "data_256/a/apartment_building/outdoor/00000001.jpg": picture(431),
        "data_256/z/zen_garden/00000002.jpg": picture(432),
    }
    write_tar(folder / "train_256_places365challenge.tar", files)
    return {
        "train/airfield/00000001.jpg": files["data_256/a/airfield/00000001.jpg"],
        "train/apartment_building_outdoor/00000001.jpg": files["data_256/a/apartment_building/outdoor/00000001.jpg"],
        "train/zen_garden/00000002.jpg": files["data_256/z/zen_garden/00000002.jpg"],
    }


def webvision(folder: Path) -> Expected:
    """sangamesh-kodge/Verifix, data/Mini-WebVision, and the released code of SimCore: folders google/q0001."""
    google = {"google/q0001/1a.jpg": picture(440), "google/q0003/2b.jpg": picture(441)}
    flickr = {"flickr/q0001/1a.jpg": picture(442)}
    write_tar(folder / "google_resized_256.tar", google)
    write_tar(folder / "flickr_resized_256.tar", flickr)
    return {
        "train/google_q0001/1a.jpg": google["google/q0001/1a.jpg"],
        "train/google_q0003/2b.jpg": google["google/q0003/2b.jpg"],
        "train/flickr_q0001/1a.jpg": flickr["flickr/q0001/1a.jpg"],
    }


def webfg(folder: Path) -> Expected:
    """The README of weblyFG-dataset and of public users: <set>/train and <set>/val. Quirks: classes of one name with
    and without spaces, val images that are not used."""
    files = {
        "web-aircraft/train/DC-3/1.jpg": picture(450),
        "web-aircraft/val/DC-3/9.jpg": picture(451),
        "web-bird/train/001.Black footed Albatross/1.jpg": picture(452),
        "web-bird/train/001.Black_footed_Albatross/2.jpg": picture(453),
        "web-car/train/Audi A5 Coupe 2012/1.jpg": picture(454),
    }
    for name in ("web-aircraft", "web-bird", "web-car"):
        write_tar(folder / f"{name}.tar.gz", {place: own for place, own in files.items() if place.startswith(name)})
    return {
        "train/DC-3/1.jpg": files["web-aircraft/train/DC-3/1.jpg"],
        "train/001.Black_footed_Albatross/1.jpg": files["web-bird/train/001.Black footed Albatross/1.jpg"],
        "train/001.Black_footed_Albatross/2.jpg": files["web-bird/train/001.Black_footed_Albatross/2.jpg"],
        "train/Audi_A5_Coupe_2012/1.jpg": files["web-car/train/Audi A5 Coupe 2012/1.jpg"],
    }
