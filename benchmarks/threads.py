"""`make bench-threads`: the cost of threads that spin beside a busy process, and of threads that sleep alone.

Each row is a process of its own that trains a small convolutional network for some seconds on two threads: alone,
beside a process that takes half of a core, and beside one that takes a whole core; with threads that spin, as OpenMP's
do by default, and with threads that sleep (``OMP_WAIT_POLICY=PASSIVE``, which ``tgvac`` sets).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.figures import Figure, tell

_SECONDS = 8

_TRAINING = f"""
import time, torch
from torch import nn
torch.set_num_threads(2)
torch.manual_seed(0)
def block(inside, outside):
    return nn.Sequential(nn.Conv2d(inside, outside, 3, padding=1), nn.GroupNorm(8, outside), nn.SiLU())
net = nn.Sequential(block(8, 64), block(64, 64), nn.Conv2d(64, 128, 3, 2, 1), block(128, 128), nn.Conv2d(128, 3, 1))
optimizer = torch.optim.AdamW(net.parameters(), 1e-3)
x, y = torch.randn(8, 8, 32, 32), torch.randn(8, 3, 16, 16)
def step():
    optimizer.zero_grad()
    (net(x) - y).square().mean().backward()
    optimizer.step()
for _ in range(5):
    step()
began, steps = time.monotonic(), 0
while time.monotonic() - began < {_SECONDS}:
    step()
    steps += 1
print(steps / (time.monotonic() - began))
"""

_BUSY = {
    "half a core": "import time\nwhile True:\n t = time.time()\n while time.time() - t < 0.05: pass\n time.sleep(0.05)",
    "a whole core": "while True: pass",
}


@contextmanager
def _beside(code: str) -> Iterator[None]:
    busy = subprocess.Popen([sys.executable, "-c", code]) if code else None
    try:
        yield
    finally:
        if busy is not None:
            busy.kill()
            busy.wait()


def _rate(policy: str) -> float:
    """Steps per second."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_", "KMP_"))}
    wait = {"OMP_WAIT_POLICY": policy} if policy else {}
    done = subprocess.run(
        [sys.executable, "-c", _TRAINING], env=kept | wait, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def figures() -> Iterator[Figure]:
    """Steps per second of each policy and neighbour, and the two ratios that decide."""
    rates: dict[tuple[str, str], float] = {}
    for beside, code in (("alone", ""), *_BUSY.items()):
        with _beside(code):
            for name, policy in (("spinning", ""), ("sleeping", "PASSIVE")):
                rates[beside, name] = _rate(policy)
                yield Figure(f"two threads, {name}, {beside}", rates[beside, name], "steps/s")
    yield Figure("sleeping over spinning, alone", rates["alone", "sleeping"] / rates["alone", "spinning"], "ratio")
    whole = rates["a whole core", "sleeping"] / rates["a whole core", "spinning"]
    yield Figure("sleeping over spinning, beside a whole core", whole, "ratio", at_least=1.5)


if __name__ == "__main__":
    sys.exit(tell("threads", figures()))
