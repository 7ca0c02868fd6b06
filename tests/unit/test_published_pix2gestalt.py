"""The published checkpoint of pix2gestalt: read without running anything, converted to the last tensor, and used."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.unit.latent_diffusion_keys import autoencoder, average_name, unet, visual
from tests.unit.params_project import ROOT
from tgvac.errors import BadInput
from tgvac.methods import pix2gestalt as method
from tgvac.methods.contract import Setup
from tgvac.models.image_encoder import load_image_encoder
from tgvac.models.trained import load_frame_unet
from tgvac.params import Params, load_params
from tgvac.published.clip_tower import clip_tower_of
from tgvac.published.converted import digests_of, open_converted
from tgvac.published.latent_diffusion import autoencoder_of, unet_of
from tgvac.published.legacy import read_tensors
from tgvac.published.pix2gestalt import KIND, convert

CPU = torch.device("cpu")
WIDTHS, VAE_WIDTHS, WIDE = (32, 32, 64, 64), (32, 32, 32, 32), 16
"""Of a small checkpoint with the layers of the real one; the embedding of a frame has 16 numbers."""


class Callback:
    """What Lightning has in its checkpoints; not importable where they are read."""

    def __init__(self) -> None:
        self.best = 3


def small_state(seed: int = 0) -> OrderedDict[str, torch.Tensor]:
    drawn = torch.Generator().manual_seed(seed)
    named = [*unet(WIDTHS, 12, WIDE), *autoencoder(VAE_WIDTHS), *visual(64, 2, 4, 16, WIDE)]
    named += [("cc_projection.weight", (WIDE, WIDE)), ("cc_projection.bias", (WIDE,))]
    state = OrderedDict((name, 0.05 * torch.randn(shape, generator=drawn)) for name, shape in named)
    for name in list(state):
        if name.startswith("model.diffusion_model."):
            state[average_name(name)] = 0.05 * torch.randn(state[name].shape, generator=drawn)
    state["model_ema.decay"] = torch.tensor(0.9999)
    return state


def saved_checkpoint(path: Path, state: Any, **more: Any) -> Path:
    torch.save({"epoch": 5, "state_dict": state, "callbacks": {Callback: Callback()}, **more}, path)
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_checkpoint(tmp_path_factory.mktemp("published") / "epoch=000005.ckpt", small_state())


@pytest.fixture(scope="module")
def folder(checkpoint: Path) -> Path:
    return convert(checkpoint, checkpoint.parent / "converted")


def test_tensors_are_read_beside_objects_of_classes_that_are_not_known(checkpoint: Path) -> None:
    found, state = read_tensors(checkpoint), small_state()
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)


class _Harm:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_nothing_in_a_checkpoint_is_run(tmp_path: Path) -> None:
    harm = saved_checkpoint(tmp_path / "harm.ckpt", small_state(), harm=_Harm(tmp_path / "ran"))
    assert read_tensors(harm)
    assert not (tmp_path / "ran").exists()
    # The same file does harm where it is read without care.
    torch.load(harm, weights_only=False)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "does not exist"),
        (b"not a checkpoint", "cannot be read as a checkpoint"),
        (pickle.dumps({"a": 1}), "cannot be read as a checkpoint"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    path = tmp_path / "x.ckpt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=says):
        read_tensors(path)


def test_a_checkpoint_that_is_cut_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    whole = checkpoint.read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="fetch it again"):
        read_tensors(tmp_path / "cut.ckpt")


def test_the_real_sizes_fit_without_a_tensor_left() -> None:
    """686 and 248 tensors, as Stable Diffusion 1.x has; on the device without memory, since 860 million are many."""
    named = dict(unet((320, 640, 1280, 1280), 12, 768))
    state = {name: torch.empty(shape, device="meta") for name, shape in named.items()}
    assert len(state) == 686
    made = unet_of(state, "x")
    assert sum(p.numel() for p in made.parameters()) == 859_520_964 + 320 * 8 * 9
    vae = {name: torch.empty(shape, device="meta") for name, shape in autoencoder((128, 256, 512, 512))}
    assert len(vae) == 248
    assert sum(p.numel() for p in autoencoder_of(vae, "x").parameters()) == 83_653_863


def test_the_moving_average_is_taken() -> None:
    state = small_state()
    made = unet_of(state, "x").state_dict()
    first = "model.diffusion_model.input_blocks.0.0.weight"
    assert torch.equal(made["conv_in.weight"], state[average_name(first)])
    assert not torch.equal(made["conv_in.weight"], state[first])


def test_without_an_average_the_trained_weights_are_taken() -> None:
    state = {name: x for name, x in small_state().items() if not name.startswith("model_ema.")}
    made = unet_of(state, "x").state_dict()
    assert torch.equal(made["conv_in.weight"], state["model.diffusion_model.input_blocks.0.0.weight"])


def test_the_image_tower_gives_what_open_clips_gives() -> None:
    from open_clip.transformer import QuickGELU, VisionTransformer

    torch.manual_seed(0)
    theirs = VisionTransformer(
        image_size=16, patch_size=4, width=128, layers=2, heads=2, mlp_ratio=4.0, output_dim=WIDE, act_layer=QuickGELU
    ).eval()
    ours = clip_tower_of(dict(theirs.state_dict()), "x")
    pictures = torch.randn(3, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(ours(pictures).image_embeds, theirs(pictures), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("left_out", "says"),
    [
        ("model.diffusion_model.middle_block.1.proj_in.bias", "does not fit Stable Diffusion's UNet: mid_block"),
        ("first_stage_model.encoder.mid.attn_1.q.weight", "does not fit Stable Diffusion's autoencoder"),
        ("cond_stage_model.model.visual.transformer.resblocks.1.ln_2.bias", "does not fit CLIP's image tower"),
        ("cond_stage_model.model.visual.conv1.weight", "holds no image tower"),
        ("cc_projection.bias", "no checkpoint of pix2gestalt"),
    ],
)
def test_a_checkpoint_that_lacks_a_tensor_is_refused_by_its_name(tmp_path: Path, left_out: str, says: str) -> None:
    state = small_state()
    del state[left_out]
    state.pop(average_name(left_out), None)
    checkpoint = saved_checkpoint(tmp_path / "x.ckpt", state)
    with pytest.raises(BadInput, match=says):
        convert(checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_network_of_other_channels_is_refused(tmp_path: Path) -> None:
    state = small_state()
    named = dict(unet(WIDTHS, 4, WIDE))
    state = OrderedDict((name, x) for name, x in state.items() if not name.startswith("model_ema."))
    state |= {name: torch.zeros(shape) for name, shape in named.items()}
    with pytest.raises(BadInput, match="4 channels, not 12"):
        convert(saved_checkpoint(tmp_path / "x.ckpt", state), tmp_path / "out")


def test_the_folder_is_opened_only_if_it_is_whole_and_of_its_kind(folder: Path, tmp_path: Path) -> None:
    import shutil

    assert open_converted(folder, KIND) == folder
    with pytest.raises(BadInput, match="not of progressive"):
        open_converted(folder, "progressive")
    with pytest.raises(BadInput, match="tgvac convert pix2gestalt"):
        open_converted(tmp_path / "none", KIND)
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "vae" / "config.json").write_text("{}")
    with pytest.raises(BadInput, match=r"config\.json has"):
        open_converted(tmp_path / "copy", KIND)
    with pytest.raises(BadInput, match="prediction"):
        open_converted(folder, KIND, small_params().diffusion.model_copy(update={"prediction": "v"}))


def test_a_folder_of_something_else_is_never_written_over(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(BadInput, match="is not empty"):
        convert(checkpoint, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_frames_are_embedded_as_its_authors_do(folder: Path) -> None:
    """Bicubic with corners on corners, CLIP's colours, the tower, and then the linear layer."""
    state = small_state()
    tower = clip_tower_of(
        {k.removeprefix("cond_stage_model.model.visual."): x for k, x in state.items() if ".visual." in k}, "x"
    )
    pictures = np.random.default_rng(0).integers(0, 256, (3, 24, 24, 3), np.uint8)
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2) / 127.5 - 1
    x = torch.nn.functional.interpolate(x, (16, 16), mode="bicubic", align_corners=True)
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
    deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
    with torch.no_grad():
        wanted = tower(((x + 1) / 2 - mean) / deviation).image_embeds @ state["cc_projection.weight"].T
    found = load_image_encoder(folder, CPU, 2)(pictures)[:, 0]
    torch.testing.assert_close(found, wanted + state["cc_projection.bias"], rtol=1e-4, atol=1e-5)


def small_params() -> Params:
    params = load_params(ROOT, "paper")
    return params.model_copy(update={"framing": params.framing.model_copy(update={"size": 64})})


def test_published_weights_complete_a_clip_whose_sentence_changes_nothing(folder: Path) -> None:
    params = small_params()
    own = {"published": str(folder), "steps": 2, "votes": 3}
    setup = Setup(params.methods["pix2gestalt/published"].model_copy(update=own))
    names = ("framing", "diffusion", "conditions", "variants", "sampler", "completion", "compute")
    complete = method.load(setup, **{name: getattr(params, name) for name in names})
    frames = np.random.default_rng(1).integers(0, 256, (2, 48, 64, 3), np.uint8)
    visible = np.zeros((2, 48, 64), np.uint8)
    visible[:, 10:30, 10:40] = 255
    clip: Any = type("Given", (), {"frames_FHW3": frames, "visible_FHW": visible})
    first, again = complete(clip, "a dog", 0), complete(clip, "a cat", 0)
    assert first.rgb_FHW3.shape == frames.shape
    assert np.array_equal(first.rgb_FHW3, again.rgb_FHW3)
    assert method.local_weights(setup) == digests_of(folder) != []


def test_the_frame_model_of_the_folder_has_the_twelve_channels_of_ours(folder: Path) -> None:
    assert load_frame_unet(folder).config.in_channels == 12
