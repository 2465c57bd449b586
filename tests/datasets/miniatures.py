"""Miniature archives in the layout of the official ones, and what a prepared data set has of them.

Each function fills a folder with the official files and gives the images that belong into the data set: place -> bytes.
The layouts come from public code that is named at each of them, not from the readers that are tested.
"""

import io
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

Files = dict[str, bytes]
Expected = dict[str, bytes]


def picture(seed: int, kind: str = "rgb", size: tuple[int, int] = (14, 10)) -> bytes:
    """An encoded image of random pixels: rgb, grey, cmyk and rotated (EXIF) are JPEG, palette is PNG, gif is GIF."""
    shape = (size[1], size[0], 4 if kind == "cmyk" else 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    image = Image.fromarray(pixels, "CMYK") if kind == "cmyk" else Image.fromarray(pixels)
    encoded, fields = io.BytesIO(), {}
    if kind == "grey":
        image = image.convert("L")
    if kind == "rotated":
        exif = Image.Exif()
        exif[0x0112] = 6
        fields = {"exif": exif}
    if kind in ("palette", "gif"):
        image = image.convert("P")
    image.save(encoded, {"palette": "PNG", "gif": "GIF"}.get(kind, "JPEG"), **fields)
    return encoded.getvalue()


def write_tar(path: Path, files: Files) -> None:
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as tar:
        for folder in sorted({parent.as_posix() for name in files for parent in Path(name).parents} - {"."}):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def write_zip(path: Path, files: Files) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def listed(lines: Iterable[str], end: str = "\n") -> bytes:
    return (end.join(lines) + end).encode()


def mat_file(**variables: object) -> bytes:
    encoded = io.BytesIO()
    savemat(encoded, variables)
    return encoded.getvalue()


def cells(*values: str) -> np.ndarray:
    """A MATLAB cell array of strings."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def structs(rows: list[dict[str, object]]) -> np.ndarray:
    """A MATLAB struct array, [1, n]."""
    array = np.empty((1, len(rows)), dtype=[(name, object) for name in rows[0]])
    for number, row in enumerate(rows):
        for name, value in row.items():
            array[0, number][name] = value
    return array


def voc(*boxes: tuple[int, int, int, int], name: str = "person") -> bytes:
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
        "</bndbox></object>"
        for x0, y0, x1, y1 in boxes
    )
    return f"<annotation><size><width>14</width><height>10</height></size>{objects}</annotation>".encode()


# Targets -------------------------------------------------------------------------------------------------------------


def aircraft(folder: Path) -> Expected:
    """torchvision, datasets/fgvc_aircraft.py. Quirks: slashes and spaces in names, rotated and CMYK images."""
    images = {
        "0056978": ("707-320", "Boeing 707", "Boeing", "train", picture(1)),
        "0062765": ("F/A-18", "F/A-18", "McDonnell Douglas", "val", picture(2, "rotated")),
        "0079366": ("Cessna 172", "Cessna 172", "Cessna", "train", picture(3, "cmyk")),
        "1025794": ("707-320", "Boeing 707", "Boeing", "test", picture(4)),
        "2042816": ("F/A-18", "F/A-18", "McDonnell Douglas", "test", picture(5)),
        "0034309": ("Cessna 172", "Cessna 172", "Cessna", "test", picture(6)),
    }
    data = "fgvc-aircraft-2013b/data"
    files = {f"{data}/images/{name}.jpg": row[4] for name, row in images.items()}
    for number, (level, every) in enumerate(
        (("variant", "variants"), ("family", "families"), ("manufacturer", "manufacturers"))
    ):
        files[f"{data}/{every}.txt"] = listed(sorted({row[number] for row in images.values()}))
        for split, parts in (("trainval", ("train", "val")), *((s, (s,)) for s in ("train", "val", "test"))):
            rows = [f"{name} {row[number]}" for name, row in images.items() if row[3] in parts]
            files[f"{data}/images_{level}_{split}.txt"] = listed(rows)
    files[f"{data}/images_box.txt"] = listed(f"{name} 1 2 14 9" for name in images)
    write_tar(folder / "fgvc-aircraft-2013b.tar.gz", files)
    names = {"707-320": "707-320", "F/A-18": "F_A-18", "Cessna 172": "Cessna_172"}
    return {
        f"{'test' if split == 'test' else 'train'}/{names[variant]}/{name}.jpg": content
        for name, (variant, _, _, split, content) in images.items()
    }


CARS = ("AM General Hummer SUV 2000", "Ram C/V Cargo Van Minivan 2012", "Citroën ZR1 2012")


def cars(folder: Path) -> Expected:
    """The released code of SimCore, data/cars_image_folder_generator.py; fields as several public readers of
    cars_annos.mat list them."""
    rows, expected, files = [], {}, {}
    names = ("AM_General_Hummer_SUV_2000", "Ram_C_V_Cargo_Van_Minivan_2012", "Citroën_ZR1_2012")
    for number in range(6):
        name, content = f"{number + 1:06d}.jpg", picture(10 + number)
        files[f"car_ims/{name}"] = content
        expected[f"{'test' if number > 3 else 'train'}/{names[number % 3]}/{name}"] = content
        box = {f"bbox_{side}": value for side, value in zip(("x1", "y1", "x2", "y2"), (1, 2, 14, 10), strict=True)}
        rows.append({"relative_im_path": f"car_ims/{name}", **box, "class": number % 3 + 1, "test": int(number > 3)})
    write_tar(folder / "car_ims.tgz", files)
    (folder / "cars_annos.mat").write_bytes(mat_file(annotations=structs(rows), class_names=cells(*CARS)))
    return expected


def cars_in_two_lists(folder: Path) -> Expected:
    """torchvision, datasets/stanford_cars.py."""
    names = ("AM_General_Hummer_SUV_2000", "Ram_C_V_Cargo_Van_Minivan_2012", "Citroën_ZR1_2012")
    expected = {}
    lists = {}
    for split, count in (("train", 4), ("test", 3)):
        files, rows = {}, []
        for number in range(count):
            name, content = f"{number + 1:05d}.jpg", picture(20 + number + 10 * count)
            files[f"cars_{split}/{name}"] = content
            expected[f"{split}/{names[number % 3]}/{name}"] = content
            box = {f"bbox_{side}": value for side, value in zip(("x1", "y1", "x2", "y2"), (1, 2, 14, 10), strict=True)}
            rows.append({**box, "class": number % 3 + 1, "fname": name})
        write_tar(folder / f"cars_{split}.tgz", files)
        lists[split] = mat_file(annotations=structs(rows))
    devkit = {"cars_train_annos.mat": lists["train"], "cars_meta.mat": mat_file(class_names=cells(*CARS))}
    write_tar(folder / "car_devkit.tgz", {f"devkit/{name}": content for name, content in devkit.items()})
    (folder / "cars_test_annos_withlabels.mat").write_bytes(lists["test"])
    return expected


def cars_of_kaggle(folder: Path) -> Expected:
    """Issue 7545 of pytorch/vision: the copy on Kaggle has every folder in one of the same name."""
    expected = cars_in_two_lists(folder)
    files = {}
    for split in ("train", "test"):
        with tarfile.open(folder / f"cars_{split}.tgz") as tar:
            members = [info for info in tar if info.isreg()]
            files |= {f"cars_{split}/{info.name}": tar.extractfile(info).read() for info in members}
        (folder / f"cars_{split}.tgz").unlink()
    write_zip(folder / "archive.zip", files)
    return expected


def pets(folder: Path) -> Expected:
    """torchvision, datasets/oxford_iiit_pet.py. Quirks: hidden files of a Mac, .mat files between the images, images
    that are GIF or PNG by content."""
    rows = [
        ("Abyssinian_1", 1, 1, "train", picture(40)),
        ("Abyssinian_34", 1, 1, "train", picture(41, "gif")),
        ("Abyssinian_201", 1, 1, "test", picture(42)),
        ("american_bulldog_100", 2, 2, "train", picture(43, "palette")),
        ("american_bulldog_203", 2, 2, "test", picture(44)),
    ]
    trimap = io.BytesIO()
    Image.fromarray(np.array([[1, 2, 3]] * 4, np.uint8)).save(trimap, "PNG")
    write_tar(
        folder / "images.tar.gz",
        {f"images/{row[0]}.jpg": row[4] for row in rows} | {"images/Abyssinian_1.mat": b"MATLAB 5.0 MAT-file"},
    )
    notes = {f"annotations/trimaps/{row[0]}.png": trimap.getvalue() for row in rows}
    notes |= {f"annotations/trimaps/._{row[0]}.png": b"\0\5\x16\7" for row in rows}
    for split, own in (("trainval", "train"), ("test", "test")):
        lines = [f"{row[0]} {row[1]} {row[2]} 1" for row in rows if row[3] == own]
        notes[f"annotations/{split}.txt"] = listed(lines)
    notes["annotations/xmls/Abyssinian_1.xml"] = voc((2, 3, 8, 9), name="cat")
    write_tar(folder / "annotations.tar.gz", notes)
    return {f"{split}/{name.rpartition('_')[0]}/{name}.jpg": content for name, _, _, split, content in rows}


def cub(folder: Path) -> Expected:
    """tensorflow_datasets, image_classification/caltech_birds.py. Quirks: a list beside the one folder, ids that count
    from 1, greyscale images, masks with and without a third dimension."""
    rows = [
        ("001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg", 0, picture(50)),
        ("001.Black_footed_Albatross/Black_Footed_Albatross_0009_34.jpg", 1, picture(51)),
        ("001.Black_footed_Albatross/Black_Footed_Albatross_0002_55.jpg", 1, picture(52, "grey")),
        ("024.Red_faced_Cormorant/Red_Faced_Cormorant_0007_796386.jpg", 1, picture(53, "cmyk")),
        ("024.Red_faced_Cormorant/Red_Faced_Cormorant_0045_796322.jpg", 0, picture(54, "grey")),
        ("024.Red_faced_Cormorant/Red_Faced_Cormorant_0012_796327.jpg", 0, picture(55)),
    ]
    base = "CUB_200_2011"
    files = {f"{base}/images/{place}": content for place, _, content in rows}
    files["attributes.txt"] = b"1 has_bill_shape::curved_(up_or_down)\n"
    files[f"{base}/README"] = b"see the technical report\n"
    files[f"{base}/images.txt"] = listed(f"{n} {row[0]}" for n, row in enumerate(rows, 1))
    files[f"{base}/train_test_split.txt"] = listed(f"{n} {row[1]}" for n, row in enumerate(rows, 1))
    files[f"{base}/bounding_boxes.txt"] = listed(f"{n} 2.0 1.0 10.0 8.0" for n in range(1, len(rows) + 1))
    write_tar(folder / "CUB_200_2011.tgz", files)
    masks = {}
    for number, (place, _, _) in enumerate(rows):
        votes = np.array([[0, 50, 51, 204, 205, 255]] * 3, np.uint8)
        encoded = io.BytesIO()
        Image.fromarray(votes if number % 2 else np.stack([votes] * 3, -1)).save(encoded, "PNG")
        masks[f"segmentations/{place[:-4]}.png"] = encoded.getvalue()
    write_tar(folder / "segmentations.tgz", masks)
    return {
        f"{'train' if in_train else 'test'}/{place}": content
        for number, (place, in_train, content) in enumerate(rows)
        if number not in (2, 4)
    }


def dogs(folder: Path) -> Expected:
    """tensorflow_datasets, image_classification/stanford_dogs.py. Quirks: lists without a folder, annotations without
    a suffix, several boxes in an image."""
    rows = [
        ("n02085620-Chihuahua/n02085620_5927.jpg", "train"),
        ("n02085620-Chihuahua/n02085620_199.jpg", "test"),
        ("n02113978-Mexican_hairless/n02113978_1034.jpg", "train"),
        ("n02113978-Mexican_hairless/n02113978_1480.jpg", "test"),
    ]
    images = {place: picture(60 + number) for number, (place, _) in enumerate(rows)}
    write_tar(folder / "images.tar", {f"Images/{place}": content for place, content in images.items()})
    notes = {f"Annotation/{place[:-4]}": voc((0, 1, 6, 7), (3, 0, 13, 9), name="dog") for place in images}
    write_tar(folder / "annotation.tar", notes)
    lists = {}
    for split in ("train", "test"):
        places = [place for place, own in rows if own == split]
        lists[f"{split}_list.mat"] = mat_file(
            file_list=cells(*places).reshape(-1, 1), labels=np.ones((len(places), 1), np.uint8)
        )
    write_tar(folder / "lists.tar", lists)
    return {f"{split}/{place}": images[place] for place, split in rows}


def flowers(folder: Path) -> Expected:
    """torchvision, datasets/flowers102.py."""
    labels = [77, 77, 2, 2, 77, 2, 77]
    images = {f"image_{number:05d}.jpg": picture(70 + number) for number in range(1, len(labels) + 1)}
    write_tar(folder / "102flowers.tgz", {f"jpg/{name}": content for name, content in images.items()})
    (folder / "imagelabels.mat").write_bytes(mat_file(labels=np.array([labels], np.uint8)))
    splits = {"trnid": [1, 4], "valid": [3, 7], "tstid": [2, 5, 6]}
    setid = {name: np.array([ids], np.uint16) for name, ids in splits.items()}
    (folder / "setid.mat").write_bytes(mat_file(**setid))
    places = {"trnid": "train", "valid": "train", "tstid": "test"}
    return {
        f"{places[name]}/{labels[number - 1]:03d}/image_{number:05d}.jpg": images[f"image_{number:05d}.jpg"]
        for name, ids in splits.items()
        for number in ids
    }


def stanford40(folder: Path) -> Expected:
    """The released code of SimCore, data/stanford40_image_folder_generator.py, and public readers of Stanford 40 for
    ImageSplits and XMLAnnotations. Quirk: underscores in the names of actions."""
    rows = [
        ("applauding_001.jpg", "applauding", "train"),
        ("applauding_002.jpg", "applauding", "test"),
        ("blowing_bubbles_001.jpg", "blowing_bubbles", "train"),
        ("blowing_bubbles_102.jpg", "blowing_bubbles", "test"),
    ]
    images = {name: picture(80 + number) for number, (name, _, _) in enumerate(rows)}
    write_zip(folder / "Stanford40_JPEGImages.zip", {f"JPEGImages/{name}": content for name, content in images.items()})
    splits = {"ImageSplits/actions.txt": listed(["action_name\tnumber_of_images", "applauding\t284"], "\r\n")}
    for split in ("train", "test"):
        splits[f"ImageSplits/{split}.txt"] = listed((name for name, _, own in rows if own == split), "\r\n")
        for action in ("applauding", "blowing_bubbles"):
            own = [name for name, its, where in rows if (its, where) == (action, split)]
            splits[f"ImageSplits/{action}_{split}.txt"] = listed(own, "\r\n")
    write_zip(folder / "Stanford40_ImageSplits.zip", splits)
    notes = {f"XMLAnnotations/{name[:-4]}.xml": voc((1, 1, 7, 10)) for name in images}
    write_zip(folder / "Stanford40_XMLAnnotations.zip", notes)
    return {f"{split}/{action}/{name}": images[name] for name, action, split in rows}


def mit67(folder: Path) -> Expected:
    """The released code of SimCore, data/mit67_image_folder_generator.py, and public readers of MIT Indoor 67. Quirks:
    no line break at the end of a list, images that no list names, one that is a GIF by content, spaces in a name."""
    rows = [
        ("airport_inside/airport_inside_0001.jpg", "train", picture(90)),
        ("airport_inside/airport inside été.jpg", "test", picture(91)),
        ("airport_inside/airport_inside_0003.jpg", "", picture(92)),
        ("winecellar/wine_cellar_01_01_altavista.jpg", "train", picture(93, "gif")),
        ("winecellar/bodega_12_11_flickr.jpg", "test", picture(94, "grey")),
    ]
    write_tar(folder / "indoorCVPR_09.tar", {f"Images/{place}": content for place, _, content in rows})
    for split, name in (("train", "TrainImages.txt"), ("test", "TestImages.txt")):
        text = "\n".join(place for place, own, _ in rows if own == split)
        (folder / name).write_text(text, encoding="utf-8")
    return {f"{split}/{place}": content for place, split, content in rows if split}


def dtd(folder: Path) -> Expected:
    """torchvision, datasets/dtd.py. Quirk: joint annotations, whose key attribute is one of several."""
    splits = {"banded/banded_0002.jpg": "train", "banded/banded_0004.jpg": "val", "banded/banded_0005.jpg": "test"}
    splits |= {"zigzagged/zigzagged_0001.jpg": "val", "zigzagged/zigzagged_0003.jpg": "test"}
    images = {place: picture(100 + number) for number, place in enumerate(splits)}
    files = {f"dtd/images/{place}": content for place, content in images.items()}
    for split in ("train", "val", "test"):
        files[f"dtd/labels/{split}1.txt"] = listed(place for place, own in splits.items() if own == split)
        files[f"dtd/labels/{split}2.txt"] = listed(list(splits)[:1])
    files["dtd/labels/labels_joint_anno.txt"] = listed(
        [f"{place} {place.partition('/')[0]} lined " for place in splits]
    )
    write_tar(folder / "dtd-r1.0.1.tar.gz", files)
    return {f"{'test' if own == 'test' else 'train'}/{place}": images[place] for place, own in splits.items()}


CELEBA_NAMES = ("5_o_Clock_Shadow", "Male", "Smiling")


def celeba(folder: Path) -> Expected:
    """The released code of SimCore, data/celeba_image_folder_generator.py, and public readers of the mapping file.
    Masks as in the official face_parsing/Data_preprocessing/g_mask.py: a file for each part, at half the image's sides.
    Identities 7 and 12 have 16 and 15 images, identity 9 has 14. Quirk: rows in no order, columns padded."""
    owners = {"7": range(0, 32, 2), "9": range(1, 29, 2), "12": range(100, 115)}
    images = {number: picture(200 + number) for numbers in owners.values() for number in numbers}
    original = {number: f"{900 - number:06d}.jpg" for number in images}
    base = "CelebAMask-HQ"
    files = {f"{base}/CelebA-HQ-img/{number}.jpg": content for number, content in images.items()}
    mapping = [f"{number:<16}{900 - number:<16}{original[number]}" for number in sorted(images, reverse=True)]
    files[f"{base}/CelebA-HQ-to-CelebA-mapping.txt"] = listed(["idx\t\t orig_idx\t orig_file", *mapping])
    values = [f"{number}.jpg  -1 {1 if number % 3 else -1}  1" for number in images]
    files[f"{base}/CelebAMask-HQ-attribute-anno.txt"] = listed([str(len(images)), " ".join(CELEBA_NAMES), *values])
    for part, rows in (("hair", slice(0, 1)), ("skin", slice(1, 3))):
        seen = np.zeros((5, 7, 3), np.uint8)
        seen[rows, 2:4] = 255
        encoded = io.BytesIO()
        Image.fromarray(seen).save(encoded, "PNG")
        files[f"{base}/CelebAMask-HQ-mask-anno/0/00000_{part}.png"] = encoded.getvalue()
    write_zip(folder / "CelebAMask-HQ.zip", files)
    identity = [f"{original[number]} {owner}" for owner, numbers in owners.items() for number in numbers]
    (folder / "identity_CelebA.txt").write_bytes(listed(["000001.jpg 2880", *identity]))
    train = {"7": list(range(0, 24, 2)), "12": list(range(100, 112))}
    return {
        f"{'train' if number in train[owner] else 'test'}/{owner}/{number}.jpg": images[number]
        for owner in ("7", "12")
        for number in owners[owner]
    }


def food11(folder: Path) -> Expected:
    """The page on Kaggle that the released code names: folders of classes. Quirk: files of one name in two folders."""
    files = {
        "training/Bread/0.jpg": picture(300),
        "training/Dairy product/1.jpg": picture(301),
        "validation/Bread/0.jpg": picture(302),
        "evaluation/Bread/0.jpg": picture(303),
        "evaluation/Dairy product/1.jpg": picture(304),
    }
    write_zip(folder / "archive.zip", files)
    return {
        "train/Bread/train_0.jpg": files["training/Bread/0.jpg"],
        "train/Dairy_product/train_1.jpg": files["training/Dairy product/1.jpg"],
        "train/Bread/val_0.jpg": files["validation/Bread/0.jpg"],
        "test/Bread/0.jpg": files["evaluation/Bread/0.jpg"],
        "test/Dairy_product/1.jpg": files["evaluation/Dairy product/1.jpg"],
    }


def food11_original(folder: Path) -> Expected:
    """The README of the original archive: names `<class>_<number>.jpg`, ids 0 to 10 in the order of its classes."""
    files = {
        "training/0_0.jpg": picture(310),
        "training/10_7.jpg": picture(311),
        "validation/0_0.jpg": picture(312),
        "evaluation/0_3.jpg": picture(313),
        "evaluation/10_3.jpg": picture(314),
    }
    write_zip(folder / "Food-11.zip", files)
    return {
        "train/Bread/train_0_0.jpg": files["training/0_0.jpg"],
        "train/Vegetable-Fruit/train_10_7.jpg": files["training/10_7.jpg"],
        "train/Bread/val_0_0.jpg": files["validation/0_0.jpg"],
        "test/Bread/0_3.jpg": files["evaluation/0_3.jpg"],
        "test/Vegetable-Fruit/10_3.jpg": files["evaluation/10_3.jpg"],
    }
