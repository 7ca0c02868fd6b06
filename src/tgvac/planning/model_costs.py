"""FLOPs of a scale's own networks, each walked once."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property, partial

import torch

from tgvac.models.cost.networks import Networks, empty
from tgvac.models.cost.walk import META, Parameters, StepFlops, forward_flops, parameters_of, step_flops


@dataclass(frozen=True)
class ModelCosts:
    """FLOPs by what is asked of a network; a walk takes a second or two, whatever the batch."""

    networks: Networks

    @cached_property
    def encode(self) -> int:
        """The autoencoder's way in, a picture."""
        vae, size = self.networks.vae, self.networks.size
        return forward_flops(lambda: vae.encode(empty(1, vae.config.in_channels, size, size)).latent_dist.mean)

    @cached_property
    def decode(self) -> int:
        """The autoencoder's way back, a picture."""
        channels, side = self.networks.latent
        return forward_flops(lambda: self.networks.vae.decode(empty(1, channels, side, side)).sample)

    @cached_property
    def text(self) -> int:
        """A sentence through the text encoder."""
        encoder = self.networks.text_encoder
        tokens = torch.zeros(1, encoder.config.max_position_embeddings, dtype=torch.long, device=META)
        return forward_flops(lambda: encoder(tokens))

    @cached_property
    def clip_image(self) -> int:
        """A picture through the CLIP that scores."""
        clip = self.networks.scoring_clip
        size = int(clip.config.vision_config.image_size)
        return forward_flops(lambda: clip.get_image_features(pixel_values=empty(1, 3, size, size)))

    def lpips(self, net: str) -> int:
        """A pair of pictures through LPIPS."""
        import lpips

        with META, warnings.catch_warnings():
            # lpips calls torchvision in a way that torchvision has given up.
            warnings.simplefilter("ignore")
            model = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False).eval()
        # Some of its constants are made past the default device.
        model = model.to(META)
        size = self.networks.size
        return forward_flops(lambda: model(empty(1, 3, size, size), empty(1, 3, size, size)))

    @cached_property
    def frame_step(self) -> StepFlops:
        """Training the frame model, a sample of one frame."""
        return step_flops(self.networks.frame_unet, self.networks.noise_loss("frame", 1, 1))

    def motion_step(self, frames: int) -> StepFlops:
        """Training the motion modules, a sample of so many frames: gradients pass through frozen layers."""
        return step_flops(self.networks.video_unet, self.networks.noise_loss("motion", 1, frames))

    @cached_property
    def frame_forward(self) -> int:
        """One prediction of the frame model, a frame."""
        # The input is made before the walk: it asks for networks, whose building is not counted.
        return forward_flops(partial(self.networks.noise_model("frame"), *self.networks.noise_input(1, 1)))

    def motion_forward(self, frames: int) -> int:
        """One prediction of the video model, a window.

        Of ``F`` frames it is ``a + b F + c F²``: what is done once a clip, for each frame, and for each two frames. So
        three walks tell all lengths.
        """
        short, middle, long = _LENGTHS
        a, b, c = (self._motion_walks[n] for n in _LENGTHS)
        # Lagrange's form; exact in whole numbers, since the three lengths follow each other.
        twice = a * (frames - middle) * (frames - long) + c * (frames - short) * (frames - middle)
        return twice // 2 - b * (frames - short) * (frames - long)

    @cached_property
    def _motion_walks(self) -> dict[int, int]:
        model = self.networks.noise_model("motion")
        return {frames: forward_flops(partial(model, *self.networks.noise_input(1, frames))) for frames in _LENGTHS}

    @cached_property
    def parameters(self) -> dict[str, Parameters]:
        """Numbers of each network."""
        networks = self.networks
        return {
            "vae": parameters_of(networks.vae),
            "text_encoder": parameters_of(networks.text_encoder),
            "scoring_clip": parameters_of(networks.scoring_clip),
            "frame": parameters_of(networks.frame_unet),
            "motion": parameters_of(networks.video_unet),
        }


_LENGTHS = (2, 3, 4)
