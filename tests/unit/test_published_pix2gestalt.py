"""The published checkpoint of pix2gestalt: read without running anything, converted to the last tensor, and used."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.unit.latent_diffusion_keys import autoencoder, average_name, unet, visual
from tests.unit.params_project import ROOT
from tgvac.bridge.graph import Graph
from tgvac.clips.completion import Completion
from tgvac.errors import BadInput
from tgvac.methods import pix2gestalt as method
from tgvac.methods.contract import Setup
from tgvac.methods.sampler import sampler_of_frames
from tgvac.models.image_encoder import load_image_encoder
from tgvac.models.trained import load_frame_unet
from tgvac.params import load_params
from tgvac.published.clip_tower import clip_tower_of
from tgvac.published.converted import digests_of, open_converted
from tgvac.published.latent_diffusion import autoencoder_of, unet_of
from tgvac.published.legacy import read_tensors
from tgvac.published.pix2gestalt import KIND, convert

CPU = torch.device("cpu")
PARAMS = load_params(ROOT, "paper")
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


def test_torchscript_is_no_checkpoint_and_is_not_run(tmp_path: Path) -> None:
    """torch.load takes such a zip for TorchScript, and runs its ``__setstate__``."""
    code = tmp_path / "module.py"
    code.write_text(
        "import torch\n"
        "class Harm(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.x = 0\n"
        "    def forward(self, x: int) -> int:\n"
        "        return x\n"
        "    @torch.jit.export\n"
        "    def __getstate__(self):\n"
        "        return (self.x, self.training)\n"
        "    @torch.jit.export\n"
        "    def __setstate__(self, state: tuple[int, bool]):\n"
        "        print('this ran')\n"
        "        self.x, self.training = state[0], state[1]\n"
        f"torch.jit.save(torch.jit.script(Harm()), {str(tmp_path / 'harm.ckpt')!r})\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", str(code)], check=True)
    reads = "import sys; from pathlib import Path; from tgvac.published.legacy import read_tensors; "
    done = subprocess.run(
        [sys.executable, "-c", reads + "read_tensors(Path(sys.argv[1]))", str(tmp_path / "harm.ckpt")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "holds no tensors by name" in done.stderr
    assert "this ran" not in done.stdout


def test_tensors_that_share_or_cut_a_storage_are_read_as_they_are(tmp_path: Path) -> None:
    whole = torch.arange(24.0).view(4, 6)
    state = {"rows": whole[1:3], "turned": whole.T, "half": whole.half(), "no": torch.tensor(3), "yes": whole > 5}
    torch.save(state, tmp_path / "x.ckpt")
    found = read_tensors(tmp_path / "x.ckpt")
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) and found[name].dtype == state[name].dtype for name in state)


@pytest.mark.parametrize(
    "state",
    [
        {"x": torch.zeros(2, dtype=torch.complex64)},
        torch.nn.Linear(1, 1),
        {"state_dict": torch.nn.Linear(1, 1)},
        [1, 2],
    ],
)
def test_a_checkpoint_of_something_else_has_no_tensors(tmp_path: Path, state: Any) -> None:
    torch.save(state, tmp_path / "x.ckpt")
    with pytest.raises(BadInput, match="holds no tensors by name"):
        read_tensors(tmp_path / "x.ckpt")


def test_a_checkpoint_of_old_pytorch_is_named_as_such(tmp_path: Path) -> None:
    torch.save(small_state(), tmp_path / "x.ckpt", _use_new_zipfile_serialization=False)
    with pytest.raises(BadInput, match=r"it is no zip, as PyTorch writes since 1\.6"):
        read_tensors(tmp_path / "x.ckpt")


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
        (average_name("model.diffusion_model.out.2.bias"), "a part of a moving average alone"),
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


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("first_stage_model.loss.logvar", "tensors of the autoencoder"),
        ("cond_stage_model.model.visual.extra.weight", "does not fit CLIP's image tower"),
    ],
)
def test_a_tensor_that_no_layer_takes_is_refused(tmp_path: Path, name: str, says: str) -> None:
    state = small_state() | {name: torch.zeros(3)}
    with pytest.raises(BadInput, match=says):
        convert(saved_checkpoint(tmp_path / "x.ckpt", state), tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("cc_projection.weight", torch.zeros(3, 5), r"cc_projection\.weight is \(3, 5\), and the embedding has 16"),
        ("first_stage_model.quant_conv.bias", torch.full((8,), torch.nan), r"quant_conv\.bias that are not finite"),
    ],
)
def test_wrong_shapes_and_numbers_are_refused(tmp_path: Path, name: str, value: torch.Tensor, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        convert(saved_checkpoint(tmp_path / "x.ckpt", small_state() | {name: value}), tmp_path / "out")


def test_a_network_of_other_channels_is_refused(tmp_path: Path) -> None:
    state = small_state()
    named = dict(unet(WIDTHS, 4, WIDE))
    state = OrderedDict((name, x) for name, x in state.items() if not name.startswith("model_ema."))
    state |= {name: torch.zeros(shape) for name, shape in named.items()}
    with pytest.raises(BadInput, match="4 channels, not 12"):
        convert(saved_checkpoint(tmp_path / "x.ckpt", state), tmp_path / "out")


def test_the_folder_is_opened_only_if_it_is_whole_and_of_its_kind(folder: Path, tmp_path: Path) -> None:
    diffusion = PARAMS.diffusion
    assert open_converted(folder, KIND, diffusion, 256) == folder
    with pytest.raises(BadInput, match="not of progressive"):
        open_converted(folder, "progressive", diffusion, 256)
    with pytest.raises(BadInput, match="tgvac convert pix2gestalt"):
        open_converted(tmp_path / "none", KIND, diffusion, 256)
    with pytest.raises(BadInput, match=r"squares of 256 pixels, and framing\.size is 64"):
        open_converted(folder, KIND, diffusion, 64)
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "vae" / "config.json").write_text("{}")
    with pytest.raises(BadInput, match=r"config\.json has"):
        open_converted(tmp_path / "copy", KIND, diffusion, 256)
    with pytest.raises(BadInput, match="prediction"):
        open_converted(folder, KIND, diffusion.model_copy(update={"prediction": "v"}), 256)


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


def completed(folder: Path, text: str = "", scale: str = "paper", **own: Any) -> Completion:
    params = load_params(ROOT, scale)
    entry = params.methods["pix2gestalt/published"]
    setup = Setup(entry.model_copy(update={"published": str(folder), "steps": 2, "votes": 1, **own}))
    names = ("framing", "diffusion", "conditions", "variants", "sampler", "completion", "compute")
    complete = method.load(setup, **{name: getattr(params, name) for name in names})
    frames = np.random.default_rng(1).integers(0, 256, (2, 48, 64, 3), np.uint8)
    frames[1] = frames[0]
    visible = np.zeros((2, 48, 64), np.uint8)
    visible[:, 10:30, 10:40] = 255
    clip: Any = type("Given", (), {"frames_FHW3": frames, "visible_FHW": visible})
    return complete(clip, text, 0)


def test_published_weights_complete_a_clip_whose_sentence_changes_nothing(folder: Path) -> None:
    first, again = completed(folder, "a dog"), completed(folder, "a cat")
    assert first.rgb_FHW3.shape == (2, 48, 64, 3)
    assert np.array_equal(first.rgb_FHW3, again.rgb_FHW3)


def test_frames_that_are_equal_are_completed_alike_only_from_the_same_noise(folder: Path) -> None:
    own, shared = completed(folder).rgb_FHW3, completed(folder, same_noise=True).rgb_FHW3
    assert not np.array_equal(own[0], own[1])
    assert np.array_equal(shared[0], shared[1])


def test_votes_are_samples_of_their_own_noise(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[np.ndarray]] = []
    monkeypatch.setattr(method, "voted", lambda samples: seen.append([x.rgb_FHW3 for x in samples]) or samples[0])
    first = completed(folder, votes=3)
    ((one, two, three),) = seen
    assert np.array_equal(first.rgb_FHW3, one)
    assert not np.array_equal(one, two)
    assert not np.array_equal(two, three)


def test_published_weights_are_refused_at_a_scale_of_another_size_or_schedule(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"framing\.size is 64"):
        completed(folder, scale="tiny")


def test_published_weights_keep_their_sampler_and_conditions_whatever_a_scale_has() -> None:
    own = PARAMS.methods["pix2gestalt/published"]
    odd = {"timestep_spacing": "trailing", "solver": "ddim", "guided_levels": (0.2, 0.8), "eta": 0.0}
    sampler = sampler_of_frames(own, PARAMS.sampler.model_copy(update=odd))
    assert (sampler.timestep_spacing, sampler.guided_levels, sampler.eta) == ("leading", (0.0, 1.0), 1.0)
    assert (sampler.steps, sampler.guidance, sampler.unconditional) == (200, 2.0, "text_and_image")
    changed = PARAMS.conditions.model_copy(update={"latents": "scaled", "mask": False})
    conditions = method.as_published(changed)
    assert (conditions.latents, conditions.mask) == ("unscaled", True)


def test_configs_are_those_of_stable_diffusion_and_of_its_authors_sampler(folder: Path) -> None:
    configs = {part: json.loads((folder / part / "config.json").read_text()) for part in ("unet", "vae")}
    assert configs["vae"]["scaling_factor"] == 0.18215
    assert configs["unet"]["attention_head_dim"] == 8
    scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
    wanted = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 1000}
    wanted |= {"steps_offset": 1, "timestep_spacing": "leading", "set_alpha_to_one": False, "clip_sample": False}
    assert wanted.items() <= scheduler.items()


def test_other_weights_are_other_samples(folder: Path, tmp_path: Path) -> None:
    other = convert(saved_checkpoint(tmp_path / "epoch=000010.ckpt", small_state(seed=1)), tmp_path / "other")
    entry = PARAMS.methods["pix2gestalt/published"]
    one, two = (Setup(entry.model_copy(update={"published": str(path)})) for path in (folder, other))
    assert method.local_weights(one) == digests_of(folder) != []
    assert method.local_weights(one) != method.local_weights(two)


def scale_with_published(path: Path) -> Graph:
    evaluated = (*PARAMS.evaluation.methods, "pix2gestalt/published")
    entry = PARAMS.methods["pix2gestalt/published"].model_copy(update={"published": str(path)})
    evaluation = PARAMS.evaluation.model_copy(update={"methods": evaluated})
    params = PARAMS.model_copy(update={"evaluation": evaluation, "methods": {**PARAMS.methods, evaluated[-1]: entry}})
    return Graph("paper", params, {})


def test_a_run_refuses_published_weights_that_are_missing_before_anything_is_trained(
    folder: Path, tmp_path: Path
) -> None:
    scale_with_published(folder).check_outputs(ROOT)
    with pytest.raises(BadInput, match="no folder of converted weights"):
        scale_with_published(tmp_path / "none").check_outputs(ROOT)


def test_completions_are_made_again_when_the_published_weights_are_others(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "weights"
    shutil.copytree(folder, copy)
    wildcards = {"method": "pix2gestalt", "variant": "published", "seed": "0"}

    def digest_now() -> str:
        found = scale_with_published(copy).digest("completion")
        assert callable(found)
        return found(wildcards)

    before = digest_now()
    assert digest_now() == before
    (copy / "index.json").write_text((copy / "index.json").read_text() + "\n")
    assert digest_now() != before


def test_the_frame_model_of_the_folder_has_the_twelve_channels_of_ours(folder: Path) -> None:
    assert load_frame_unet(folder).config.in_channels == 12
