"""Images made while stand-ins are trained: the autoencoder's reconstructions, and the UNet's images of sentences."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import torch

from tests.unit.tiny_models import COMPUTE, DIFFUSION, SAMPLER, SAMPLES, backbones, unet_4, vae
from tgvac.backbones.views import Views
from tgvac.backbones.watching import watch_autoencoder, watch_text_to_picture
from tgvac.clips.images import decode_rgb
from tgvac.models.latents import round_trip

SIZE, GAP = 32, 2


def pool() -> Views:
    draw = np.random.default_rng(3)
    frames, wholes = (draw.integers(0, 256, (6, SIZE, SIZE, 3)).astype(np.uint8) for _ in range(2))
    return Views(frames, np.zeros((6, SIZE, SIZE), np.uint8), wholes, ("a brown dog", "a brown cat") * 3)


def tiles(path: Path) -> list[list[np.ndarray]]:
    """Rows of a grid."""
    picture, step = decode_rgb(path.read_bytes(), str(path)), SIZE + GAP
    across, down = ((side + GAP) // step for side in (picture.shape[1], picture.shape[0]))
    return [
        [picture[y * step : y * step + SIZE, x * step : x * step + SIZE] for x in range(across)] for y in range(down)
    ]


def test_frames_and_whole_objects_are_shown_with_their_reconstructions(tmp_path: Path) -> None:
    network, views = vae(), pool()
    watch_autoencoder(network, lambda: views, SAMPLES, COMPUTE.vae_batch)(10, tmp_path)
    given, back = tiles(tmp_path / "step-00000010.png")
    at = views.draw(SAMPLES.pictures, "watched")
    for k, i in enumerate(at):
        np.testing.assert_array_equal(given[k], (views.wholes_PSS3 if k % 2 else views.frames_PSS3)[i])
    expected = round_trip(network, np.stack(given), COMPUTE.vae_batch)
    np.testing.assert_array_equal(np.stack(back), expected)
    assert not np.array_equal(expected, np.stack(given))
    error = np.mean([(a.astype(float) - b) ** 2 for a, b in zip(given, back, strict=True)])
    noted = json.loads((tmp_path / "watched.jsonl").read_text())
    assert noted["step"] == 10
    assert math.isclose(noted["psnr"], 10 * math.log10(255**2 / error), rel_tol=1e-9)


def test_a_step_that_is_watched_twice_is_logged_once(tmp_path: Path) -> None:
    watch, views = watch_autoencoder(vae(), pool, SAMPLES, COMPUTE.vae_batch), pool()
    assert len(views) == 6
    for step in (5, 10, 10):
        watch(step, tmp_path)
    noted = (tmp_path / "watched.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in noted] == [5, 10]


def test_the_unet_s_image_is_below_the_object_of_its_sentence_and_depends_on_the_sentence(tmp_path: Path) -> None:
    views = pool()
    other = Views(views.frames_PSS3, views.masks_PSS, views.wholes_PSS3, ("a brown cat",) * 6)
    for name, shown in (("a", views), ("b", views), ("c", other)):
        watch = watch_text_to_picture(
            unet_4(), backbones(), lambda shown=shown: shown, SAMPLES, SAMPLER, DIFFUSION, COMPUTE.vae_batch
        )
        watch(5, tmp_path / name)
    given, drawn = tiles(tmp_path / "a" / "step-00000005.png")
    at = views.draw(SAMPLES.pictures, "watched")
    for tile, i in zip(given, at, strict=True):
        np.testing.assert_array_equal(tile, views.wholes_PSS3[i])
    assert (tmp_path / "a/step-00000005.png").read_bytes() == (tmp_path / "b/step-00000005.png").read_bytes()
    again = tiles(tmp_path / "c" / "step-00000005.png")[1]
    changed = [not np.array_equal(one, two) for one, two in zip(drawn, again, strict=True)]
    assert changed == [views.texts[i] != "a brown cat" for i in at]
    assert any(changed)


def test_latents_that_are_not_finite_make_no_image(tmp_path: Path) -> None:
    unet = unet_4()
    with torch.no_grad():
        unet.conv_out.bias.fill_(math.nan)
    watch_text_to_picture(unet, backbones(), pool, SAMPLES, SAMPLER, DIFFUSION, COMPUTE.vae_batch)(5, tmp_path)
    assert not list(tmp_path.iterdir())
