"""Masked autoencoding: MAE."""

from typing import Any, cast

import torch
from lightly.models import utils
from lightly.models.modules.masked_vision_transformer_decoder_timm import MaskedVisionTransformerDecoderTIMM
from lightly.models.modules.masked_vision_transformer_timm import MaskedVisionTransformerTIMM, init_weights
from torch import nn

from benchmark.methods import mae
from benchmark.pretrain.learner import Learner, Outputs, TrainingPosition
from benchmark.specs.recipes import Recipe
from benchmark.training.backbones import build, check_maskable


class MAE(Learner):
    """lightly's masked transformer around timm's, its decoder, and the mean squared error of masked patches."""

    views_in_a_pass = 1

    def __init__(self, recipe: Recipe, method: mae.MAE) -> None:
        super().__init__()
        self.method = method
        network: Any = build(recipe.backbone)
        check_maskable(network, recipe.backbone)
        self.masked = MaskedVisionTransformerTIMM(network)
        self.masked.mask_token.requires_grad_(False)
        self.patch: int = network.patch_embed.patch_size[0]
        patches = network.patch_embed.num_patches
        self.embed = nn.Linear(network.embed_dim, method.width)
        self.decoder = MaskedVisionTransformerDecoderTIMM(
            patches, method.width, method.depth, method.heads, num_prefix_tokens=network.num_prefix_tokens
        )
        self.predict = nn.Linear(method.width, 3 * self.patch**2)
        self.embed.apply(init_weights)
        self.predict.apply(init_weights)

    @property
    def backbone(self) -> nn.Module:
        return cast(nn.Module, self.masked.vit)

    def forward(self, views: torch.Tensor, first: int, local: torch.Tensor | None = None) -> Outputs:
        size = (len(views), self.masked.sequence_length)
        keep, masked = utils.random_token_mask(size, self.method.mask, device=views.device)
        seen = self.embed(self.masked.encode(views, idx_keep=keep))
        whole = self.decoder.mask_token.repeat(*size, 1).to(seen.dtype)
        decoded = self.decoder(utils.set_at_index(whole, keep, seen))
        predicted = self.predict(utils.get_at_index(decoded, masked))
        # Index 0 is the class token, which no patch of the image belongs to.
        target = utils.get_at_index(utils.patchify(views, self.patch), masked - 1)
        if self.method.normalise:
            target = (target - target.mean(-1, keepdim=True)) / (target.var(-1, keepdim=True) + 1e-6).sqrt()
        return {"error": (predicted.float() - target.float()).square().mean((1, 2))}

    def loss(self, outputs: Outputs, moment: TrainingPosition) -> torch.Tensor:
        return outputs["error"].mean()
