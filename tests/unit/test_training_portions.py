"""Dividing a step's batch among micro-batches and processes; precision and speed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0

from tests.unit.loop_jobs import weights
from tests.unit.shared_training import PARAMS, by_two, divided, rows_of
from tests.unit.tiny_models import unet_4
from tgvac.bridge import runner
from tgvac.bridge.processes import run_shared
from tgvac.errors import BadInput
from tgvac.stage import Portions
from tgvac.training.execution import Execution, Precision
from tgvac.training.loop import train
from tgvac.training.run_params import CheckpointParams

ROOT = Path(__file__).resolve().parents[2]


def assert_close(events: list[dict[str, float]], others: list[dict[str, float]]) -> None:
    assert [sorted(e) for e in events] == [sorted(e) for e in others]
    for one, other in zip(events, others, strict=True):
        assert one == pytest.approx(other, rel=2e-5)


def test_trainings_of_one_process_may_differ_in_precision(tmp_path: Path) -> None:
    losses = [
        train(divided(tmp_path / name, Execution(precision=precision)))[0]["loss"]
        for name, precision in (("one", "float32"), ("two", "bfloat16"), ("three", "float32"))
    ]
    assert losses[0] == losses[2]
    assert losses[1] != losses[0]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_a_training_on_another_device_than_its_process_uses_is_refused() -> None:
    with pytest.raises(BadInput, match="needs the device 'cuda', but this process already uses 'cpu'"):
        Execution(device="cuda").accelerator()


@pytest.mark.parametrize("micro_batch", [1, 2])
def test_micro_batches_add_up_to_the_whole(tmp_path: Path, micro_batch: int) -> None:
    whole, portions = (
        divided(tmp_path / "whole", Execution()),
        divided(tmp_path / "p", Execution(micro_batch=micro_batch)),
    )
    assert_close(train(portions), train(whole))
    for name, value in whole.module.state_dict().items():
        torch.testing.assert_close(portions.module.state_dict()[name], value, rtol=0, atol=1e-5)


def test_two_processes_give_the_losses_of_one_with_the_same_batch(tmp_path: Path) -> None:
    """Relative tolerance 2e-5: sums are computed in another order."""
    alone = train(divided(tmp_path / "one", Execution()))
    (code, out, said), (other, _, silent) = by_two(["-m", "tests.unit.shared_training", str(tmp_path / "two")])
    assert (code, other) == (0, 0), (said, silent)
    assert_close(json.loads(out.splitlines()[-1]), alone)
    assert "test:" in said
    assert "test:" not in silent, "only one of them shows the progress"


BLIND = """
import os, sys
from pathlib import Path
from tests.unit import shared_training as t
from tgvac.errors import BadInput
from tgvac.training import checkpoint
def cannot(path):
    raise OSError(5, "Input/output error", str(path))
if os.environ["RANK"] == "1":
    checkpoint.load_file = cannot
try:
    t.train(t.divided(Path(sys.argv[1]), t.Execution()))
except BadInput as error:
    sys.exit(f"refused: {error}")
"""


def test_processes_refuse_to_start_at_different_steps_if_one_cannot_read_the_checkpoint(tmp_path: Path) -> None:
    train(divided(tmp_path, Execution()))
    kept = {path: path.read_bytes() for path in tmp_path.rglob("step-*/*")}
    for code, _, said in by_two(["-c", BLIND, str(tmp_path)]):
        assert code == 1, said
        sentence = "refused: test: the 2 processes start at different steps, in order 12, 0; make sure that all of them"
        assert sentence in said
    assert {path: path.read_bytes() for path in tmp_path.rglob("step-*/*")} == kept


def test_a_batch_that_does_not_divide_is_refused_with_both_numbers() -> None:
    with pytest.raises(BadInput, match="A batch of 4 cannot be divided among 3 processes"):
        Execution().shares(4, 3, 0)
    with pytest.raises(BadInput, match="share of the batch, 8 samples, is not a multiple of the micro-batch of 3"):
        Execution(micro_batch=3).shares(16, 2, 0)
    assert Execution(micro_batch=2).shares(8, 2, 1) == [range(4, 6), range(6, 8)]


@pytest.mark.parametrize(
    ("portions", "sentence"),
    [
        (Portions(3), r"frame\.batch 8 cannot be divided among --processes 3; choose a number that divides it\."),
        (
            Portions(2, micro_batch=3),
            r"frame\.batch 8 of --processes 2 \(4 samples each\) cannot be divided into portions of --micro-batch 3;"
            r" choose one that divides 4\.",
        ),
    ],
)
def test_a_batch_that_does_not_divide_is_refused_before_any_process_is_started(
    monkeypatch: pytest.MonkeyPatch, portions: Portions, sentence: str
) -> None:
    monkeypatch.setattr(runner, "run_shared", lambda *_: pytest.fail("processes were started"))
    with pytest.raises(BadInput, match=f"^{sentence}$"):
        runner.share_training(ROOT, "frame", "smoke", portions, [])


def test_portions_of_one_process_are_refused_by_key_and_option() -> None:
    sentence = r"^frame\.batch 8 cannot be divided into portions of --micro-batch 3; choose one that divides 8\.$"
    with pytest.raises(BadInput, match=sentence):
        runner.run_phase(ROOT, "frame", "smoke", None, False, {}, {}, "cpu", Portions(micro_batch=3))


def test_a_folder_without_checkpoints_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"^--resume-from .* has no checkpoint; give a folder with step-… folders in it\.$"
    ):
        runner.run_phase(ROOT, "frame", "smoke", None, False, {}, {}, "cpu", Portions(), tmp_path)


def test_half_precision_needs_a_gpu(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="float16 needs a GPU"):
        train(divided(tmp_path, Execution(precision="float16")))


def test_bfloat16_trains_weights_of_full_precision_nearly_alike(tmp_path: Path) -> None:
    program = (
        "import sys, torch; from pathlib import Path; from tests.unit.shared_training import *\n"
        "job = divided(Path(sys.argv[1]), Execution(precision='bfloat16')); events = train(job)\n"
        "assert all(p.dtype == torch.float32 for p in job.module.parameters())\n"
        "assert job.module(torch.zeros(1, 6)).dtype == torch.float32\n"
        "print(json.dumps(events))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "b")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    losses = [e["loss"] for e in json.loads(done.stdout.splitlines()[-1])]
    exact = [e["loss"] for e in train(divided(tmp_path / "a", Execution()))]
    assert losses != exact
    assert losses == pytest.approx(exact, rel=0.05)


def test_parts_of_the_loss_are_averaged_since_the_last_event_also_after_an_interruption(tmp_path: Path) -> None:
    often = CheckpointParams(every=2, seconds=0, keep=2, log_every=5)
    job = divided(tmp_path / "straight", Execution(), checkpoints=often)
    events = train(job)
    assert [e["step"] for e in events] == [5, 10, 12]
    by_hand = [float(e) for e in (events[0]["each"], events[1]["each"])]
    assert by_hand[0] != events[0]["loss"]
    broken = divided(tmp_path / "broken", Execution(), checkpoints=often)

    def stops(step: int, rows: range) -> tuple[torch.Tensor, torch.Tensor]:
        if step == 7:
            raise KeyboardInterrupt
        return rows_of(step, rows)

    object.__setattr__(broken, "batch", stops)
    with pytest.raises(KeyboardInterrupt):
        train(broken)
    again = divided(tmp_path / "broken", Execution(), checkpoints=often)
    assert train(again) == events
    assert weights(again.module) == weights(job.module)


def test_the_speed_between_events_is_written_beside_the_pictures(tmp_path: Path) -> None:
    job = divided(tmp_path, Execution())
    train(job)
    lines = [json.loads(line) for line in job.speed.read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6, 9, 12]
    for line in lines:
        assert line["samples_a_second"] == pytest.approx(PARAMS.batch / line["seconds_a_step"])
        assert 0 < line["waiting_share"] < 1
        assert line["memory_bytes"] > 10_000_000


def test_processes_that_share_a_command_end_together_with_the_first_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    assert run_shared(["stage", "nonsense", "--scale", "smoke"], 2, 1) == 2
    assert time.monotonic() - began < 60


def test_a_signal_reaches_all_processes_and_their_exit_code_is_kept(tmp_path: Path) -> None:
    program = "from tgvac.bridge import processes as p; import sys; sys.exit(p.run_shared([], 2, 1))"
    stub = tmp_path / "tgvac_stub.py"
    stub.write_text(
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(75))\ntime.sleep(60)\n"
    )
    program = program.replace("import sys;", f"import sys; sys.executable = {str(tmp_path / 'python')!r};")
    (tmp_path / "python").write_text(f"#!/bin/sh\ntouch {tmp_path}/up.$RANK\nexec {sys.executable} {stub}\n")
    (tmp_path / "python").chmod(0o755)
    process = subprocess.Popen([sys.executable, "-c", program])
    limit = time.monotonic() + 60
    while len(list(tmp_path.glob("up.*"))) < 2:
        assert time.monotonic() < limit
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 75


@pytest.mark.parametrize(
    ("device", "precision", "plain"),
    [("cpu", "bfloat16", True), ("cpu", "float32", False), ("cuda", "bfloat16", False)],
)
def test_attention_is_plain_on_a_cpu_in_bfloat16_and_computes_the_same(
    device: str, precision: Precision, plain: bool
) -> None:
    unet = unet_4().eval()
    x, t, text = torch.randn(2, 4, 8, 8), torch.tensor([3, 900]), torch.randn(2, 8, unet.config.cross_attention_dim)
    before = unet(x, t, text).sample
    Execution(device=device, precision=precision).choose_attention(unet)
    found = {type(layer) for layer in unet.attn_processors.values()}
    assert found == {AttnProcessor if plain else AttnProcessor2_0}
    torch.testing.assert_close(unet(x, t, text).sample, before)
