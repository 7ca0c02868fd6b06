"""A trained model as a folder of diffusers: all parts load, completions equal the phase's, and the card is right."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from diffusers import AutoencoderKL, DDIMScheduler, DiffusionPipeline, MotionAdapter, UNet2DConditionModel
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTokenizer

from tests.unit.model_project import DATA, SCALE, evaluate, model_project, seal
from tests.unit.tiny_models import backbones, randn, unet_12, video, video_unet
from tgvac.cli import main
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion
from tgvac.completion.pipeline import VideoAmodalCompletionPipeline
from tgvac.completion.pipeline_params import diffusion_of
from tgvac.config import merge, read_yaml
from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.methods import ours
from tgvac.methods.contract import Setup
from tgvac.methods.params import MethodParams
from tgvac.models.motion_adapter import PaperMotionAdapter, assemble
from tgvac.params import load_params
from tgvac.release import export_model as module
from tgvac.release.export_model import export_model
from tgvac.sampling.scheduler import network_sampler
from tgvac.shards import read_index

CASES = {"animatediff": (MotionAdapter, "epsilon"), "paper": (PaperMotionAdapter, "v")}


@pytest.fixture(scope="module", params=sorted(CASES))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path]:
    """The motion module's block, a project, and the folder exported of it."""
    block = request.param
    root = model_project(tmp_path_factory.mktemp(block), block, CASES[block][1])
    evaluate(root)
    return block, root, export_model(root, SCALE, root / "model")


@pytest.fixture
def trained(made: tuple[str, Path, Path], tmp_path: Path) -> Path:
    """A copy of the project that a test may damage."""
    return Path(shutil.copytree(made[1], tmp_path / "project"))


def completed(pipe: VideoAmodalCompletionPipeline, **more: Any) -> Completion:
    pipe.set_progress_bar_config(disable=True)
    return pipe(*video(6, 40, 33), "a brown dog", seed=3, **more)


def same(a: Completion, b: Completion) -> bool:
    return np.array_equal(a.rgb_FHW3, b.rgb_FHW3) and np.array_equal(a.amodal_FHW, b.amodal_FHW)


def by_the_stage(root: Path) -> Completion:
    """The completion of the same input by phase `completion`."""
    p, results = load_params(root, SCALE), root / "results" / SCALE
    setup = Setup(MethodParams(), results / "backbones", results / "motion" / "full" / "seed0")
    complete = ours.load(
        setup,
        framing=p.framing,
        diffusion=p.diffusion,
        conditions=p.conditions,
        variants=p.variants,
        motion_module=p.motion_module,
        sampler=p.sampler,
        completion=p.completion,
        compute=p.compute,
    )
    frames_FHW3, visible_FHW = video(6, 40, 33)
    empty_FHW = np.zeros_like(visible_FHW)
    clip = Clip("s", "v", "t", frames_FHW3, visible_FHW, frames_FHW3, visible_FHW, empty_FHW)
    return complete(clip, "a brown dog", 3)


def test_the_pipeline_completes_exactly_as_the_phase(made: tuple[str, Path, Path]) -> None:
    _, root, folder = made
    ours = completed(VideoAmodalCompletionPipeline.from_pretrained(folder))
    assert same(ours, by_the_stage(root))
    assert ours.rgb_FHW3.std() > 1


def test_the_pipeline_can_be_saved_and_loaded_again(made: tuple[str, Path, Path], tmp_path: Path) -> None:
    pipe = VideoAmodalCompletionPipeline.from_pretrained(made[2])
    pipe.save_pretrained(tmp_path / "again")
    again = VideoAmodalCompletionPipeline.from_pretrained(tmp_path / "again")
    assert same(completed(again), completed(pipe))
    assert not same(completed(again, guidance_scale=5.0), completed(pipe))
    assert not same(completed(again, num_inference_steps=3), completed(pipe))
    assert not same(completed(again, stride=1), completed(pipe))


def test_diffusers_alone_does_not_know_the_pipeline_and_the_card_says_so(made: tuple[str, Path, Path]) -> None:
    with pytest.raises(AttributeError, match="module diffusers has no attribute VideoAmodalCompletionPipeline"):
        DiffusionPipeline.from_pretrained(made[2])
    assert "`DiffusionPipeline.from_pretrained(FOLDER)` fails" in (made[2] / "README.md").read_text(encoding="utf-8")


def test_every_part_loads_by_its_class_and_has_the_trained_weights(made: tuple[str, Path, Path]) -> None:
    block, root, folder = made
    kind, prediction = CASES[block]
    index = json.loads((folder / "model_index.json").read_text())
    assert index["_class_name"] == "VideoAmodalCompletionPipeline"
    assert index["unet"] == ["diffusers", "UNet2DConditionModel"]
    assert index["motion_adapter"][1] == kind.__name__
    unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet").eval()
    given = (randn(2, 12, 8, 8), torch.tensor([20, 900]), randn(2, 12, 16, seed=1))
    with torch.no_grad():
        assert torch.equal(unet(*given).sample, unet_12()(*given).sample)
    assert unet.config.in_channels == 12
    adapter = kind.from_pretrained(folder, subfolder="motion_adapter").state_dict()
    modules = {n: v for n, v in video_unet(block=block).state_dict().items() if ".motion_modules." in n}
    assert set(adapter) == set(modules)
    assert all(torch.equal(adapter[name], value) for name, value in modules.items())
    for one, name, loaded in (
        (backbones().vae, "vae", AutoencoderKL.from_pretrained(folder, subfolder="vae")),
        (backbones().text_encoder, "text", CLIPTextModel.from_pretrained(folder, subfolder="text_encoder")),
    ):
        state = loaded.state_dict()
        assert all(torch.equal(state[key], value) for key, value in one.state_dict().items()), name
    words = CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer")
    assert words("a brown dog").input_ids == backbones().tokenizer("a brown dog").input_ids
    scheduler = DDIMScheduler.from_pretrained(folder, subfolder="scheduler")
    assert scheduler.config.prediction_type == ("v_prediction" if prediction == "v" else "epsilon")
    params = load_params(root, SCALE)
    assert diffusion_of(scheduler.config, params.sampler) == params.diffusion


def test_the_index_has_every_file_and_weights_are_safetensors(made: tuple[str, Path, Path]) -> None:
    folder = made[2]
    index = read_index(folder / "index.json")
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(index) == files - {"index.json"}
    assert all(sha256(folder / name) == entry.sha256 for name, entry in index.items())
    assert {Path(name).suffix for name in files} <= {".json", ".txt", ".md", ".safetensors"}
    assert str(made[1]) not in "".join((folder / n).read_text() for n in files if n.endswith((".json", ".md")))


def card(folder: Path) -> tuple[dict[str, Any], str]:
    _, front, text = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(front), text


def test_the_card_has_params_digests_and_scores(made: tuple[str, Path, Path]) -> None:
    block, root, folder = made
    front, text = card(folder)
    assert (front["library_name"], front["license"]) == ("diffusers", "apache-2.0")
    assert "base_model" not in front
    (result,) = front["model-index"][0]["results"]
    assert result["metrics"] == [{"type": "clip", "name": "CLIP↑", "value": 0.5}]
    assert "not comparable" in result["dataset"]["name"]
    assert "Stand-in backbones" in text
    results = root / "results" / SCALE
    for name in (*DATA, "frame/full/seed0/index.json", "motion/full/seed0/index.json"):
        assert f"| `{name}` | `{sha256(results / name)}` |" in text
    assert (
        f"| `{CASES[block][0].__name__}` | `{sha256(next((folder / 'motion_adapter').glob('*.safetensors')))}` |"
        in text
    )
    assert ("is a `MotionAdapter` of diffusers" in text) == (block == "animatediff")
    assert ("diffusers has no class" in text) == (block == "paper")
    assert "| motion | 12 | 0.1250 |" in text
    assert f"block: {block}" in text
    assert "lr: 0.002" in text
    assert "Apache-2.0 (made \\| here)" in text
    assert "0.625" in text  # easy frames
    assert "Copy the visible part (trivial baseline)" in text


def test_the_card_of_unmeasured_weights_has_no_scores(trained: Path) -> None:
    shutil.rmtree(trained / "results" / SCALE / "metrics")
    front, text = card(export_model(trained, SCALE))
    assert "model-index" not in front
    assert "None: these weights have not been evaluated." in text


def test_scores_of_other_weights_are_not_in_the_card(trained: Path) -> None:
    shard = trained / "results" / SCALE / "completion" / "ours" / "full" / "seed0" / "shard-000.json.prov.json"
    record = json.loads(shard.read_text())
    record["inputs"] = {"motion/full/seed0/index.json": "0" * 64}
    shard.write_text(json.dumps(record))
    assert "model-index" not in card(export_model(trained, SCALE))[0]


def test_exporting_again_replaces_the_folder_by_the_same_bytes(made: tuple[str, Path, Path], trained: Path) -> None:
    folder = trained / "model"
    (folder / "left.over").write_text("x")
    export_model(trained, SCALE, folder)

    def content(of: Path) -> dict[str, bytes]:
        return {p.relative_to(of).as_posix(): p.read_bytes() for p in of.rglob("*") if p.is_file()}

    assert content(folder) == content(made[2])
    assert not list(trained.glob(".*.part"))


def refused(root: Path, sentence: str, **more: Any) -> None:
    with pytest.raises(BadInput, match=sentence):
        export_model(root, SCALE, **more)
    assert not [p for p in (root / "results" / SCALE / "model").rglob("*") if p.is_file() or p.name.startswith(".")]


def test_a_missing_model_is_refused(trained: Path) -> None:
    refused(trained, "'variants' has no 'ful'; did you mean 'full'", variant="ful")
    refused(
        trained,
        "seed7 has no finished training; run `tgvac run --scale smoke --target frame`, or name another",
        seed=7,
    )


def test_a_model_of_other_params_is_refused(trained: Path) -> None:
    path = trained / "workflow" / "scales" / f"{SCALE}.yaml"
    tree = yaml.safe_load(path.read_text())
    tree["motion"]["lr"] = 5e-3
    path.write_text(yaml.safe_dump(tree))
    refused(trained, "motion/full/seed0 was trained with other params than scale 'smoke' has now; run")


def test_a_model_of_other_data_is_refused(trained: Path) -> None:
    (trained / "results" / SCALE / DATA[0]).write_text("other recipes")
    refused(trained, "was trained from another synthesis/recipes.parquet than there is now; run")


@pytest.mark.parametrize("phase", ["motion", "backbones"])
def test_damaged_weights_are_refused(trained: Path, phase: str) -> None:
    weights = next((trained / "results" / SCALE / phase).rglob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    again = rf"run `tgvac stage {phase} --scale {SCALE}.*` to make it again"
    refused(trained, rf"has the digest \w{{12}}, and .*index\.json says \w{{12}}; {again}")


def test_a_motion_model_of_other_frame_layers_is_refused(trained: Path) -> None:
    from tests.unit.tiny_models import unet_12 as another
    from tgvac.training.outputs import save_model

    save_model(trained / "results" / SCALE / "frame" / "full" / "seed0", "unet", another(seed=9), [{"step": 1}])
    params = load_params(trained, SCALE)
    seal(trained, params, "frame", DATA)
    seal(trained, params, "motion", (*DATA, "frame/full/seed0/index.json"))
    refused(trained, "has another .* than its frame model; train the motion model again")


def test_nothing_else_is_overwritten(trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    refused(trained, "is a file; give a folder", to=file)
    refused(trained, "contains other files; give a folder", to=trained / "reference")
    assert (trained / "reference" / "paper.yaml").is_file()


def test_the_command_says_where_the_model_is(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(trained)
    with pytest.raises(SystemExit) as ended:
        main(["export-model", "--scale", SCALE])
    assert ended.value.code == 0
    folder = trained / "results" / SCALE / "model" / "full" / "seed0"
    assert f"the model is in {folder}" in capsys.readouterr().out
    assert (folder / "model_index.json").is_file()
    with pytest.raises(SystemExit) as ended:
        main(["export-model", "--scale", SCALE, "--half"])
    assert ended.value.code == 0
    assert {p.name.split(".")[-2] for p in folder.rglob("*.safetensors")} == {"fp16"}


def test_an_adapter_of_another_unet_does_not_assemble() -> None:
    adapter = MotionAdapter(
        block_out_channels=(16, 64), motion_layers_per_block=1, motion_norm_num_groups=4, use_motion_mid_block=False
    )
    params = load_params(Path(__file__).resolve().parents[2], SCALE).motion_module
    with pytest.raises(ValueError, match=r"channels \(16, 64\), the UNet \(16, 32\)"):
        assemble(unet_12(), adapter, params)


def test_an_assembled_model_shares_the_weights_of_its_parts(made: tuple[str, Path, Path]) -> None:
    block, root, folder = made
    unet, adapter = unet_12(), CASES[block][0].from_pretrained(folder, subfolder="motion_adapter")
    joined = assemble(unet, adapter, load_params(root, SCALE).motion_module)
    assert joined.conv_in.weight is unet.conv_in.weight
    assert not joined.training
    with torch.no_grad():
        unet.conv_in.weight.zero_()
    assert not joined.conv_in.weight.any()


def test_schedulers_that_differ_from_the_sampler_are_refused(made: tuple[str, Path, Path]) -> None:
    params = load_params(made[1], SCALE)
    config = dict(network_sampler(params.diffusion, params.sampler).config)
    with pytest.raises(BadInput, match="The scheduler is a PNDMScheduler, and the sampler is DDIM; take"):
        diffusion_of({**config, "_class_name": "PNDMScheduler"}, params.sampler)
    with pytest.raises(BadInput, match="The scheduler's clip_sample is True, and the sampler knows False alone"):
        diffusion_of({**config, "clip_sample": True}, params.sampler)


@pytest.mark.parametrize("spacing", ["leading", "trailing"])
def test_one_step_works_with_trailing_levels_only(made: tuple[str, Path, Path], spacing: str) -> None:
    pipe = VideoAmodalCompletionPipeline.from_pretrained(made[2])
    offset = 1 if spacing == "leading" else 0
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config, timestep_spacing=spacing, steps_offset=offset)
    if spacing == "trailing":
        completed(pipe, num_inference_steps=1).check(video(6, 40, 33)[0])
        return
    with pytest.raises(BadInput, match=r"^The pipeline cannot sample so: .*with num_inference_steps 1 and .*trailing"):
        completed(pipe, num_inference_steps=1)


def test_half_weights_are_a_variant_that_completes_nearly_the_same(made: tuple[str, Path, Path], trained: Path) -> None:
    half = export_model(trained, SCALE, half=True)
    weights = {p.relative_to(half).as_posix(): p for p in half.rglob("*.safetensors")}
    assert all(name.endswith(".fp16.safetensors") for name in weights)
    assert set(read_index(half / "index.json")) == {
        p.relative_to(half).as_posix() for p in half.rglob("*") if p.is_file() and p.name != "index.json"
    }
    for path in weights.values():
        assert {value.dtype for value in load_file(path).values() if value.is_floating_point()} == {torch.float16}
    assert str(trained) not in "".join(path.read_text() for path in half.rglob("*.json"))
    text = card(half)[1]
    assert 'from_pretrained(FOLDER, variant="fp16", dtype=torch.float16).to("cuda")' in text
    assert f"| `UNet2DConditionModel` | `{sha256(weights['unet/diffusion_pytorch_model.fp16.safetensors'])}` |" in text
    pipe = VideoAmodalCompletionPipeline.from_pretrained(half, variant="fp16")
    assert pipe.unet.dtype == torch.float32
    exact = completed(VideoAmodalCompletionPipeline.from_pretrained(made[2])).rgb_FHW3.astype(int)
    assert 0 < np.abs(completed(pipe).rgb_FHW3 - exact).mean() < 1


def test_weights_that_half_precision_does_not_hold_are_refused(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = module._pipeline

    def large(folder: Path, facts: Any) -> Any:
        pipe = whole(folder, facts)
        with torch.no_grad():
            pipe.vae.quant_conv.bias.fill_(1e5)
        return pipe

    monkeypatch.setattr(module, "_pipeline", large)
    refused(trained, r"quant_conv\.bias of vae are too large for float16; export the model without --half", half=True)


def test_the_card_names_the_frame_model_that_training_started_from(trained: Path) -> None:
    path = trained / "workflow" / "scales" / f"{SCALE}.yaml"
    path.write_text(yaml.safe_dump(merge(read_yaml(path), {"frame_model": {"start": "some/model"}})), encoding="utf-8")
    seal(trained, load_params(trained, SCALE), "frame", DATA)
    text = card(export_model(trained, SCALE))[1]
    assert "training started from `some/model`" in text
