"""Optimizers: each is what its name says, and its state is restored exactly."""

from __future__ import annotations

import copy
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.unit.loop_jobs import KEY, job, loss_of, network, stopped_at, straight, weights
from tests.unit.tiny_models import TRAINING
from tgvac.errors import BadInput
from tgvac.models.cost import memory
from tgvac.training.checkpoint import Identity, State, load_checkpoint, save_checkpoint
from tgvac.training.loop import train
from tgvac.training.optimizers import build_optimizer, restore_optimizer
from tgvac.training.params import TrainingParams

FACTORED = TRAINING.model_copy(update={"optimizer": "adafactor", "lr": 5e-2})
FUSED = TRAINING.model_copy(update={"fused": True})


def trained(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module.parameters() if p.requires_grad]


# What each is.


def test_adamw_has_the_params_rates() -> None:
    optimizer = build_optimizer(trained(network()), TRAINING, "cpu")
    assert type(optimizer) is torch.optim.AdamW
    group = optimizer.param_groups[0]
    assert (group["lr"], group["betas"], group["weight_decay"]) == (1e-2, (0.9, 0.99), 1e-2)


def test_a_fused_step_is_the_same_step() -> None:
    each = []
    for fused in (False, True):
        module = network()
        optimizer = build_optimizer(trained(module), TRAINING.model_copy(update={"fused": fused}), "cpu")
        assert bool(optimizer.param_groups[0]["fused"]) is fused
        for step in range(3):
            optimizer.zero_grad()
            torch.autograd.backward(loss_of(module)(step))
            optimizer.step()
        each.append(trained(module))
    for one, other in zip(*each, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


def test_adafactor_steps_as_its_authors_write_it() -> None:
    weight = nn.Parameter(torch.tensor([[0.3, -0.2, 0.5], [0.1, 0.4, -0.6]]))
    before, gradient = weight.detach().clone().double(), torch.tensor([[1.0, 2.0, 3.0], [-1.0, 0.5, 4.0]])
    optimizer = build_optimizer([weight], FACTORED.model_copy(update={"weight_decay": 0.0, "lr": 0.05}), "cpu")
    weight.grad = gradient.clone()
    optimizer.step()
    # Algorithm 4 of the paper at its first step, where the second moment is the gradient's own square.
    squares = gradient.double().square()
    rows, columns = squares.sum(1, keepdim=True), squares.sum(0, keepdim=True)
    update = gradient.double() / (rows @ columns / rows.sum()).sqrt()
    update /= max(1.0, float(update.square().mean().sqrt()))
    size = float(before.square().mean().sqrt())
    torch.testing.assert_close(weight.detach().double(), before - 0.05 * size * update, rtol=0, atol=1e-6)


def test_the_choices_of_trainings_and_of_plans_are_the_same() -> None:
    assert get_args(TrainingParams.model_fields["optimizer"].annotation) == get_args(memory.Optimizer)


# Resuming.


@pytest.mark.parametrize("params", [FACTORED, FUSED], ids=["adafactor", "fused adamw"])
@pytest.mark.parametrize("step", [1, 6, 11])
def test_another_optimizer_that_was_interrupted_ends_with_the_same_bits_and_events(
    tmp_path: Path, step: int, params: TrainingParams
) -> None:
    whole, broken, resumed = network(), network(), network()
    events = train(job(tmp_path / "straight", whole, params=params))
    with pytest.raises(KeyboardInterrupt):
        train(job(tmp_path / "broken", broken, stopped_at(step, broken), params=params))
    assert train(job(tmp_path / "broken", resumed, params=params)) == events
    assert weights(resumed) == weights(whole)
    if params is FACTORED:
        # Whether adamw's last bits change with `fused` depends on the processor.
        assert weights(whole) != straight(tmp_path / "adamw")[0]


def test_adafactor_s_checkpoint_holds_rows_and_columns_alone(tmp_path: Path) -> None:
    train(job(tmp_path, network(), params=FACTORED))
    (path,) = tmp_path.glob("*/step-00000012/optimizer.safetensors")
    shapes = {name: tuple(value.shape) for name, value in load_file(path).items() if not name.endswith("step")}
    # Of weights [8,6] and [2,8] and a bias [2]; the other bias is frozen.
    assert shapes == {
        "0.row_var": (8, 1),
        "0.col_var": (1, 6),
        "1.row_var": (2, 1),
        "1.col_var": (1, 8),
        "2.variance": (2,),
    }


# No average.


def test_without_an_average_the_last_weights_are_what_remains(tmp_path: Path) -> None:
    params = TRAINING.model_copy(update={"ema": 0.0})
    module, broken, resumed = network(), network(), network()
    train(job(tmp_path / "straight", module, params=params))
    (folder,) = tmp_path.glob("straight/*/step-00000012")
    assert load_file(folder / "ema.safetensors") == {}
    kept = load_file(folder / "model.safetensors")
    assert {name: value.numpy().tobytes() for name, value in kept.items()}.items() <= weights(module).items()
    with pytest.raises(KeyboardInterrupt):
        train(job(tmp_path / "broken", broken, stopped_at(7, broken), params=params))
    train(job(tmp_path / "broken", resumed, params=params))
    assert weights(resumed) == weights(module)


# Eight bits, with a stand-in for the package, which runs on GPUs: it keeps its state as the package does.


class EightBits(torch.optim.Optimizer):
    """Keeps bytes, a table that all parameters share, scales, and the step as a plain number."""

    def __init__(self, parameters: Any, lr: float, betas: tuple[float, float], weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})
        self.table = torch.linspace(-1, 1, 256)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state |= {"step": 0, "state1": torch.full_like(p, 128, dtype=torch.uint8)}
                    state |= {"qmap1": self.table, "absmax1": torch.ones(1)}
                assert type(state["step"]) is int, "the package's kernels take no tensor for it"
                assert state["state1"].dtype == torch.uint8
                state["step"] += 1
                mean = 0.9 * state["qmap1"][state["state1"].long()] * state["absmax1"] + 0.1 * p.grad
                state["absmax1"] = mean.abs().max()[None]
                state["state1"] = ((mean / state["absmax1"] + 1) * 127.5).round().to(torch.uint8)
                p.sub_(group["lr"] / state["step"] * mean)

    def state_dict(self) -> dict[str, Any]:
        """Bytes are hidden one level down."""
        found = super().state_dict()
        hidden = ("state1", "qmap1", "absmax1")
        found["state"] = {
            index: {"step": state["step"], "__bnb_optimizer_quant_state__": {name: state[name] for name in hidden}}
            for index, state in found["state"].items()
        }
        return found

    def load_state_dict(self, given: dict[str, Any]) -> None:
        """Bytes stay bytes, as in the package; torch's own would make them numbers of the weights' type."""
        for index, p in enumerate(self.param_groups[0]["params"]):
            self.state[p] = copy.deepcopy(given["state"][index])


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package, as far as it is used."""
    package, optim = types.ModuleType("bitsandbytes"), types.ModuleType("bitsandbytes.optim")
    optim.AdamW8bit = EightBits  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bitsandbytes", package)
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", optim)


EIGHT = TRAINING.model_copy(update={"optimizer": "adamw8bit"})


def stepped(module: nn.Module, optimizer: torch.optim.Optimizer, steps: range, loss: Callable[..., Any]) -> None:
    for step in steps:
        optimizer.zero_grad()
        loss(module)(step).backward()
        optimizer.step()


def test_eight_bits_are_the_package_s_with_the_params_rates(installed: None) -> None:
    optimizer = build_optimizer(trained(network()), EIGHT, "cuda")
    assert type(optimizer) is EightBits
    assert optimizer.defaults == {"lr": 1e-2, "betas": (0.9, 0.99), "weight_decay": 1e-2}


def test_bytes_shared_tables_and_plain_numbers_come_back_as_they_were(installed: None, tmp_path: Path) -> None:
    module, other = network(), network()
    optimizer = build_optimizer(trained(module), EIGHT, "cuda")
    stepped(module, optimizer, range(3), loss_of)
    parts = dict(module.named_parameters())
    save_checkpoint(tmp_path, Identity(KEY), State(3, parts, {}, optimizer, []), 1, 1, "test")
    found = load_checkpoint(tmp_path, KEY)
    assert found is not None
    assert {t.dtype for n, t in found.optimizer.items() if n.endswith("state1")} == {torch.uint8}
    resumed = build_optimizer(trained(other), EIGHT, "cuda")
    restore_optimizer(resumed, found.optimizer)
    with torch.no_grad():
        for name, parameter in other.named_parameters():
            parameter.copy_(found.model[name])
    stepped(module, optimizer, range(3, 8), loss_of)
    stepped(other, resumed, range(3, 8), loss_of)
    assert weights(other) == weights(module)


def test_without_a_gpu_eight_bits_are_refused(installed: None) -> None:
    with pytest.raises(BadInput, match=r"adamw8bit needs a GPU; on a CPU use adafactor"):
        build_optimizer(trained(network()), EIGHT, "cpu")


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", None)
    with pytest.raises(BadInput, match=r"not installed; run `pip install bitsandbytes`, or use adafactor"):
        build_optimizer(trained(network()), EIGHT, "cuda")


def test_the_package_is_not_imported_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    for params in (TRAINING, FACTORED):
        build_optimizer(trained(network()), params, "cuda")
