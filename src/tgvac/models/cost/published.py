"""The shapes of networks published on the hub, so that their cost is known before they are fetched.

They come from the ``config.json`` files beside the weights. Only keys that change shapes are here.
"""

from __future__ import annotations

from typing import Any

# huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5: unet/config.json, vae/config.json and
# text_encoder/config.json. diffusers reads ``attention_head_dim`` as the number of heads.
STABLE_DIFFUSION_1: dict[str, dict[str, Any]] = {
    "unet": {
        "sample_size": 64,
        "in_channels": 4,
        "out_channels": 4,
        "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        "block_out_channels": (320, 640, 1280, 1280),
        "layers_per_block": 2,
        "attention_head_dim": 8,
        "cross_attention_dim": 768,
        "norm_num_groups": 32,
    },
    "vae": {
        "in_channels": 3,
        "out_channels": 3,
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "block_out_channels": (128, 256, 512, 512),
        "layers_per_block": 2,
        "latent_channels": 4,
        "norm_num_groups": 32,
        "sample_size": 512,
        "scaling_factor": 0.18215,
    },
    "text_encoder": {
        "vocab_size": 49408,
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "max_position_embeddings": 77,
        "projection_dim": 768,
    },
}
# huggingface.co/openai/clip-vit-large-patch14: config.json. Its text tower is Stable Diffusion 1's text encoder.
CLIP_VIT_L_14: dict[str, Any] = {
    "projection_dim": 768,
    "text_config": STABLE_DIFFUSION_1["text_encoder"],
    "vision_config": {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "image_size": 224,
        "patch_size": 14,
        "projection_dim": 768,
    },
}

STABLE_DIFFUSION: dict[str, dict[str, dict[str, Any]]] = {
    "stable-diffusion-v1-5/stable-diffusion-v1-5": STABLE_DIFFUSION_1,
    "runwayml/stable-diffusion-v1-5": STABLE_DIFFUSION_1,
    "CompVis/stable-diffusion-v1-4": STABLE_DIFFUSION_1,
}
CLIP: dict[str, dict[str, Any]] = {"openai/clip-vit-large-patch14": CLIP_VIT_L_14}
