"""The contender of `bench_pretrain` that is solo-learn's own training: what its main_pretrain.py puts together.

Its method class, crops, data loader and lightning's Trainer, on the same images as JPEG files. Where it differs from a
run of main_pretrain.py it is spared something: no progress bar, no logger, no validation. Its backbone is ours, because
its own vision transformers do not come in these sizes.
"""

from __future__ import annotations

import logging
from typing import Any
from unittest.mock import patch

import torch
from lightning.pytorch import Callback, Trainer
from omegaconf import OmegaConf
from solo.args.pretrain import parse_cfg
from solo.data.pretrain_dataloader import (
    FullTransformPipeline,
    NCropAugmentation,
    build_transform_pipeline,
    prepare_dataloader,
    prepare_datasets,
)
from solo.methods import METHODS
from solo.methods.base import BaseMethod
from solo.utils.misc import make_contiguous
from torch.utils.data import DataLoader

from benchmark.pretrain.engines.solo_learn.config import words
from benchmark.pretrain.engines.solo_learn.construct import networks, settings
from benchmark.specs.recipes import Augmentation, Recipe
from benchmark.training.backbones import build, feature_dimension
from scripts.bench_process_pairs import IMAGES, READS, Case, Pacer

NAME = "suite_vit"
PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-mixed", "float16": "16-mixed"}


class _Paced(Callback):  # type: ignore[misc]
    def __init__(self, pacer: Pacer) -> None:
        self.pacer = pacer

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        self.pacer()


def solo(case: Case, pacer: Pacer, workers: int) -> None:
    """solo-learn's training with `workers` processes that decode and augment (0: the training process does)."""
    logging.disable(logging.WARNING)
    torch.set_num_threads(case.recipe.threads)
    config = parse_cfg(OmegaConf.create(configuration(case, workers)))
    with patch.dict(BaseMethod._BACKBONES, {NAME: networks(case.recipe)}):
        model = METHODS[config.method](config)
    make_contiguous(model)
    lightning = Trainer(
        max_epochs=config.max_epochs,
        accelerator="cpu",
        devices=1,
        precision=PRECISIONS[case.recipe.precision],
        callbacks=[_Paced(pacer)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=case.folder,
    )
    lightning.fit(model.to(memory_format=torch.channels_last), _loader(config))


def configuration(case: Case, workers: int) -> dict[str, Any]:
    """What a file of solo-learn's scripts/pretrain would say."""
    recipe = case.recipe
    width = feature_dimension(build(recipe.backbone))
    said = settings(recipe, words(recipe.method, width), NAME)
    data = {"dataset": "custom", "train_path": str(case.folder / "pictures"), "num_workers": workers}
    return {
        **said,
        "name": "bench",
        "data": data,
        "augmentations": [_crops(recipe.augmentation)],
        "optimizer": {**said["optimizer"], "kwargs": _optimiser_options(recipe)},
        "scheduler": {"name": "warmup_cosine"},
        "max_epochs": 100,
        "devices": [0],
    }


def _optimiser_options(recipe: Recipe) -> dict[str, Any]:
    betas = getattr(recipe.optimiser, "betas", None)
    return {"betas": list(betas)} if betas else {}


def _crops(chosen: Augmentation) -> dict[str, Any]:
    low, high = chosen.scale
    jitter = dict(zip(("brightness", "contrast", "saturation", "hue"), chosen.jitter, strict=True))
    return {
        "rrc": {"enabled": True, "crop_min_scale": low, "crop_max_scale": high},
        "color_jitter": {"prob": chosen.jitter_probability, **jitter},
        "grayscale": {"prob": chosen.grey_probability},
        "gaussian_blur": {"prob": 0.0},
        "solarization": {"prob": 0.0},
        "equalization": {"prob": 0.0},
        "horizontal_flip": {"prob": chosen.flip},
        "crop_size": chosen.size,
        "num_crops": chosen.views,
    }


def _loader(config: Any) -> DataLoader[Any]:
    data = config.data
    crops = [
        NCropAugmentation(build_transform_pipeline(data.dataset, one), one.num_crops) for one in config.augmentations
    ]
    images = prepare_datasets(
        data.dataset, FullTransformPipeline(crops), train_data_path=data.train_path, data_format=data.format
    )
    # Its loader starts its workers anew with every epoch: one epoch that never ends spares it that.
    images.samples = images.samples * (READS // IMAGES)
    loader: DataLoader[Any] = prepare_dataloader(images, config.optimizer.batch_size, data.num_workers)
    return loader
