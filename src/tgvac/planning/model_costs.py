"""FLOPs of a scale's own networks, each counted once."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property, partial

import torch

from tgvac.models.cost.networks import Networks, empty
from tgvac.models.cost.walk import META, Parameters, StepFlops, forward_flops, parameters_of, step_flops


@dataclass(frozen=True)
class ModelCosts:
    """FLOPs of each use of a network. Counting takes a second or two, whatever the batch."""

    networks: Networks

    @cached_property
    def encode(self) -> int:
        """Encoding an image with the autoencoder."""
        vae, size = self.networks.vae, self.networks.size
        return forward_flops(lambda: vae.encode(empty(1, vae.config.in_channels, size, size)).latent_dist.mean)

    @cached_property
    def decode(self) -> int:
        """Decoding an image with the autoencoder."""
        channels, side = self.networks.latent
        return forward_flops(lambda: self.networks.vae.decode(empty(1, channels, side, side)).sample)

    @cached_property
    def text(self) -> int:
        """Encoding a sentence."""
        encoder = self.networks.text_encoder
        tokens = torch.zeros(1, encoder.config.max_position_embeddings, dtype=torch.long, device=META)
        return forward_flops(lambda: encoder(tokens))

    @cached_property
    def clip_image(self) -> int:
        """Encoding an image with the CLIP of the metrics."""
        clip = self.networks.scoring_clip
        size = int(clip.config.vision_config.image_size)
        return forward_flops(lambda: clip.get_image_features(pixel_values=empty(1, 3, size, size)))

    def lpips(self, net: str) -> int:
        """LPIPS between two images."""
        import lpips

        with META, warnings.catch_warnings():
            # lpips calls torchvision in a deprecated way.
            warnings.simplefilter("ignore")
            model = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False).eval()
        # Some of its constants ignore the default device.
        model = model.to(META)
        size = self.networks.size
        return forward_flops(lambda: model(empty(1, 3, size, size), empty(1, 3, size, size)))

    @cached_property
    def frame_step(self) -> StepFlops:
        """Training the frame model, per sample of one frame."""
        return step_flops(self.networks.frame_unet, self.networks.noise_loss("frame", 1, 1))

    def motion_step(self, frames: int) -> StepFlops:
        """Training the motion modules, per sample of ``frames`` frames; gradients pass through frozen layers."""
        return step_flops(self.networks.video_unet, self.networks.noise_loss("motion", 1, frames))

    @cached_property
    def frame_forward(self) -> int:
        """One prediction of the frame model, per frame."""
        # The input is made first, since it builds networks, which must not be counted.
        return forward_flops(partial(self.networks.noise_model("frame"), *self.networks.noise_input(1, 1)))

    def motion_forward(self, frames: int) -> int:
        """One prediction of the video model, per window of ``frames`` frames.

        For ``F`` frames it is ``a + b F + c F²``: work per clip, per frame and per pair of frames. Counting three
        lengths therefore gives all.
        """
        short, middle, long = _LENGTHS
        a, b, c = (self._motion_walks[n] for n in _LENGTHS)
        # Lagrange interpolation; exact in integers, since the three lengths are consecutive.
        twice = a * (frames - middle) * (frames - long) + c * (frames - short) * (frames - middle)
        return twice // 2 - b * (frames - short) * (frames - long)

    @cached_property
    def _motion_walks(self) -> dict[int, int]:
        model = self.networks.noise_model("motion")
        return {frames: forward_flops(partial(model, *self.networks.noise_input(1, frames))) for frames in _LENGTHS}

    @cached_property
    def parameters(self) -> dict[str, Parameters]:
        """Parameters of each network."""
        networks = self.networks
        return {
            "vae": parameters_of(networks.vae),
            "text_encoder": parameters_of(networks.text_encoder),
            "scoring_clip": parameters_of(networks.scoring_clip),
            "frame": parameters_of(networks.frame_unet),
            "motion": parameters_of(networks.video_unet),
        }


_LENGTHS = (2, 3, 4)
