"""`--resume-from`: a run that differs from another one only in its code resumes from that run's checkpoint."""

from __future__ import annotations

import dataclasses
import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.unit.loop_jobs import job, network, stopped_at, straight, weights
from tests.unit.params_project import ROOT
from tests.unit.shared_training import by_two
from tests.unit.tiny_models import TRAINING, context
from tgvac.bridge.jobs import Job
from tgvac.errors import BadInput
from tgvac.params import load_params
from tgvac.phases import phase
from tgvac.training.checkpoint import Identity
from tgvac.training.loop import Training, train
from tgvac.training.noise_training import train_and_save
from tgvac.training.outputs import identity_of
from tgvac.training.resuming import resumed_from

OLD, NEW = Identity("old key", "old code", "rest"), Identity("new key", "new code", "rest")


def run_of(
    folder: Path,
    identity: Identity,
    module: torch.nn.Module,
    loss: Callable[[int], torch.Tensor] | None = None,
    resume_from: Path | None = None,
    name: str = "test",
) -> Training:
    plain = job(folder, module, loss)
    return dataclasses.replace(plain, identity=identity, resume_from=resume_from, name=name)


def killed(folder: Path, identity: Identity, step: int, resume_from: Path | None = None) -> Path:
    """Train until a step; returns the folder of checkpoints."""
    module = network()
    wanted = run_of(folder, identity, module, stopped_at(step, module), resume_from)
    with pytest.raises(KeyboardInterrupt):
        train(wanted)
    return wanted.state


def test_a_run_of_other_code_resumes_and_ends_with_the_same_bits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = killed(tmp_path / "run", OLD, 7)  # saved at 5
    new = killed(tmp_path / "run", NEW, 11, old)  # saved at 10
    assert "test: resuming from step 5" in capsys.readouterr().err
    module = network()
    wanted = run_of(tmp_path / "run", NEW, module, resume_from=old)
    events = train(wanted)
    said = capsys.readouterr().err
    assert f"test: its own checkpoint {new / 'step-00000010'} is as far, so {old} is not used" in said
    assert "test: resuming from step 10" in said
    assert (weights(module), events) == straight(tmp_path)
    assert resumed_from(wanted.state) == [{"code": "old code", "step": 5}]
    # A third code: the record keeps both, oldest first.
    third = Identity("third key", "third code", "rest")
    last = run_of(tmp_path / "run", third, network(), resume_from=new)
    train(last)
    assert resumed_from(last.state) == [{"code": "old code", "step": 5}, {"code": "new code", "step": 12}]


def test_a_run_that_was_stopped_soon_after_it_started_anew_can_still_be_resumed_from_the_other(tmp_path: Path) -> None:
    old = killed(tmp_path / "run", OLD, 11)  # saved at 5 and 10
    killed(tmp_path / "run", NEW, 7)  # without the option: from step 0, saved at 5
    module = network()
    wanted = run_of(tmp_path / "run", NEW, module, resume_from=old)
    events = train(wanted)
    assert (weights(module), events) == straight(tmp_path)
    assert resumed_from(wanted.state) == [{"code": "old code", "step": 10}]


def test_the_provenance_lists_the_code_and_step_that_a_run_was_resumed_from(tmp_path: Path) -> None:
    old = killed(tmp_path / "run", OLD, 7)
    ctx = context(tmp_path, "frame", options={"variant": "full", "seed": "0"})
    index = "results/fake/frame/full/seed0/index.json"
    made = Job(phase("frame"), "fake", load_params(ROOT, "smoke"), ctx.options, None, (), (index,))
    for resume_from, listed in ((None, None), (old, [{"code": "old code", "step": 5}])):
        module = network()
        module.save_pretrained = lambda part, **_: (part / "weights").write_text("w")  # type: ignore[assignment]
        identity = NEW if resume_from else Identity("another key", "new code", "rest")
        made.record(tmp_path, train_and_save(ctx, run_of(tmp_path / "run", identity, module, None, resume_from)))
        assert json.loads((tmp_path / f"{index}.prov.json").read_text()).get("resumed_from") == listed


@pytest.mark.parametrize(
    ("identity", "name", "sentence"),
    [
        (NEW, "other", r"is of the training 'test', not 'other'; give a run of the same name\.$"),
        (
            Identity("new key", "new code", "other rest"),
            "test",
            r"trained with other params, data or initial weights than test has now, and only the code may differ",
        ),
        (Identity("new key", "new code", ""), "test", "other params, data or initial weights"),
    ],
    ids=["name", "params or data", "unknown"],
)
def test_a_run_that_differs_in_more_than_its_code_is_refused(
    tmp_path: Path, identity: Identity, name: str, sentence: str
) -> None:
    old = killed(tmp_path / "run", OLD, 7)
    wanted = run_of(tmp_path / "run", identity, network(), resume_from=old, name=name)
    with pytest.raises(BadInput, match=sentence):
        train(wanted)
    assert not wanted.state.exists()


def test_params_data_variant_and_seed_are_in_the_rest_and_code_is_not(tmp_path: Path) -> None:
    ctx = context(tmp_path, "frame", options={"variant": "full", "seed": "0"}, params="p", code="c")
    first = identity_of(ctx, TRAINING, "data")
    other_code = identity_of(dataclasses.replace(ctx, digest="other", code="d"), TRAINING, "data")
    assert other_code.rest == first.rest
    assert (other_code.key != first.key, other_code.code, first.code) == (True, "d", "c")
    for changed in (
        identity_of(dataclasses.replace(ctx, params="q"), TRAINING, "data"),
        identity_of(ctx, TRAINING.model_copy(update={"lr": 1.0}), "data"),
        identity_of(ctx, TRAINING, "other data"),
        identity_of(dataclasses.replace(ctx, options={"variant": "full", "seed": "1"}), TRAINING, "data"),
    ):
        assert changed.rest != first.rest


@pytest.mark.parametrize("harm", ["empty", "missing", "damaged"])
def test_a_folder_without_a_whole_checkpoint_is_refused(tmp_path: Path, harm: str) -> None:
    given = tmp_path / "given"
    if harm == "empty":
        given.mkdir()
    if harm == "damaged":
        given = killed(tmp_path / "run", OLD, 7)
        (given / "step-00000005" / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(
        BadInput,
        match=r"^--resume-from .* has no whole checkpoint of format tgvac-checkpoint-5; give a folder with step-",
    ):
        train(run_of(tmp_path / "run", NEW, network(), resume_from=given))


def test_without_the_option_a_run_of_other_code_starts_at_step_0_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed(tmp_path / "run", OLD, 7)
    wanted = run_of(tmp_path / "run", NEW, network())
    train(wanted)
    said = capsys.readouterr().err
    assert "test: starts at step 0, since the code has changed" in said
    assert "that checkpoint is kept; to use it, give --resume-from" in said
    assert resumed_from(wanted.state) == []


REFUSED = """
import dataclasses, sys
from pathlib import Path
from tests.unit import shared_training as t
from tgvac.errors import BadInput
folder = Path(sys.argv[1])
try:
    t.train(dataclasses.replace(t.divided(folder, t.Execution()), resume_from=folder / "nothing"))
except BadInput as error:
    sys.exit(f"refused: {error}")
"""


def test_processes_that_share_a_training_refuse_together(tmp_path: Path) -> None:
    for code, _, said in by_two(["-c", REFUSED, str(tmp_path)]):
        assert code == 1, said
        assert f"refused: --resume-from {tmp_path / 'nothing'} has no whole checkpoint of format" in said


def reordered() -> torch.nn.Module:
    """The same parameters in another order."""
    module = network()
    return torch.nn.Sequential(OrderedDict([("2", module[2]), ("1", module[1]), ("0", module[0])]))


def without_a_layer() -> torch.nn.Module:
    return torch.nn.Sequential(*network()[:2])


def with_a_layer_more() -> torch.nn.Module:
    return torch.nn.Sequential(*network(), torch.nn.Linear(2, 2))


@pytest.mark.parametrize("changed", [reordered, without_a_layer, with_a_layer_more])
def test_a_run_whose_network_has_changed_is_refused_and_nothing_is_adopted(
    tmp_path: Path, changed: Callable[[], torch.nn.Module]
) -> None:
    old = killed(tmp_path / "run", OLD, 7)
    wanted = run_of(tmp_path / "run", NEW, changed(), resume_from=old)
    with pytest.raises(
        BadInput, match=r"has other trained parameters than test has now \(here .*, there .*\), so the code"
    ):
        train(wanted)
    assert not list(wanted.state.glob("step-*"))


@pytest.mark.parametrize(("identity", "hint"), [(NEW, True), (Identity("k", "new code", "other data"), False)])
def test_the_hint_to_resume_is_given_only_where_the_code_alone_has_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], identity: Identity, hint: bool
) -> None:
    old = killed(tmp_path / "run", OLD, 7)
    capsys.readouterr()
    train(run_of(tmp_path / "run", identity, network()))
    said = capsys.readouterr().err
    assert "test: starts at step 0" in said
    assert (f"give --resume-from {old}" in said) == hint
