"""What must hold for hours and at bad moments: threads, memory, Ctrl-C, the same bits from the same seed."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff
import nn
from nn import optim

ROOT = Path(__file__).parent.parent
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
Y = np.array([[0], [1], [1], [0]], np.float32)


def network(seed: int) -> Any:
    autodiff.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid())


def train(model: Any, steps: int, name: str = "SGD", **options: Any) -> Any:
    """The trained model; x, y and the loss are let go of."""
    x, y = autodiff.tensor(X), autodiff.tensor(Y)
    optimizer = getattr(optim, name)(model.parameters(), lr=0.1, **options)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
    return model


def numbers(model: Any) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in model.parameters())


# threads ----------------------------------------------------------------------------------------------------


@pytest.fixture
def switching() -> Any:
    """Threads take turns as often as Python lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("name, options", [("SGD", {}), ("SGD", {"momentum": 0.9}), ("Adam", {})])
def test_networks_that_learn_in_threads_learn_as_they_do_alone(
    name: str, options: Any, switching: Any
) -> None:
    models = [network(seed) for seed in range(12)]
    alone = [numbers(train(model, 100, name, **options)) for model in models]
    models = [network(seed) for seed in range(12)]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda model: numbers(train(model, 100, name, **options)), models))
    assert together == alone


def test_recording_is_switched_for_one_thread_only(switching: Any) -> None:
    wrong: list[str] = []
    leaf = autodiff.ones(3, requires_grad=True)
    barrier = threading.Barrier(6)

    def work(quiet: bool) -> None:
        barrier.wait(10)
        for k in range(300):
            if quiet:
                with autodiff.no_grad():
                    y = leaf * k
                    z = leaf[1:] + y[1:]
                if y.requires_grad or z.requires_grad or not autodiff.is_grad_enabled():
                    wrong.append("recorded")
            else:
                (g,) = autodiff.grad((leaf * leaf * k).sum(), leaf)
                if g.tolist() != [2.0 * k] * 3:
                    wrong.append(f"{g} for {k}")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, [True, False] * 3))
    assert wrong == []


def test_changes_in_place_in_one_thread_are_no_changes_in_another(switching: Any) -> None:
    def work(seed: int) -> list[float]:
        found = []
        for k in range(60):
            w = autodiff.full((5,), float(seed + k), requires_grad=True)
            x = w * 1
            x[1:3].mul_(2.0)
            x.add_(w)
            (x * x).sum().backward()
            found += w.grad.tolist()
        return found

    alone = [work(seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(8))) == alone


# memory -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, options", [("SGD", {}), ("Adam", {})])
def test_thousands_of_steps_take_no_memory(name: str, options: Any) -> None:
    steps = 3000
    model = network(0)
    train(model, 2000, name, **options)  # fills Python's free lists
    gc.collect()
    gc.disable()  # what is freed is freed by reference counting
    tracemalloc.start()
    try:
        train(model, 200, name, **options)
        before = tracemalloc.get_traced_memory()[0]
        objects = len(gc.get_objects())
        tracemalloc.stop()
        train(model, steps, name, **options)
        grown = len(gc.get_objects()) - objects
        tracemalloc.start()
        train(model, 200, name, **options)
        once = tracemalloc.get_traced_memory()[0]
        train(model, 600, name, **options)
        thrice = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.enable()
    assert grown < 200  # of 30 objects or more that each step makes
    assert thrice - once < 20_000 and before < 1_000_000


def resident() -> int:
    """The memory of this process, in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux says it so simply")
def test_the_process_does_not_grow() -> None:
    model = network(0)
    train(model, 5000)
    gc.collect()
    before = resident()
    train(model, 15_000)
    assert resident() - before < 2_000_000  # 140 bytes a step would be this much


# Ctrl-C -----------------------------------------------------------------------------------------------------

INTERRUPTED = """
import random, sys
import numpy as np
import autodiff
from nn import optim

name, size, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
options = {"SGD": {}, "momentum": {"momentum": 0.9}, "Adam": {}}[name]
params = [autodiff.zeros(size, requires_grad=True) for _ in range(12)]
for p in params:
    p.grad = autodiff.ones(size)
optimizer = getattr(optim, "Adam" if name == "Adam" else "SGD")(params, lr=0.01, **options)
optimizer.step()
steps = 0
for _ in range(times):
    try:
        print("go", flush=True)
        while True:
            optimizer.step()
            steps += 1
    except KeyboardInterrupt:
        pass
    values = [p.detach().numpy() for p in params]
    states = [x.numpy() for p in params for x in optimizer.state[p].values() if x is not None and x.ndim]
    counts = [x.item() for p in params for x in optimizer.state[p].values() if x is not None and not x.ndim]
    kinds = len(states) // len(params)
    torn = any((v != values[0].flat[0]).any() for v in values) or len(set(counts)) > 1
    for k in range(kinds):
        torn |= any((x != states[k].flat[0]).any() for x in states[k::kinds])
    print("torn" if torn else "whole", flush=True)
print(steps, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="there a SIGINT cannot be sent to one process")
@pytest.mark.parametrize("size", [20, 20_000])
@pytest.mark.parametrize("name", ["SGD", "momentum", "Adam"])
def test_ctrl_c_at_any_moment_leaves_all_parameters_moved_or_none(name: str, size: int) -> None:
    """All entries start equal and have equal gradients: unequal ones are a step that was torn."""
    times, rng = 40, random.Random(0)
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, name, str(size), str(times)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert child.stdout is not None
    try:
        found = []
        for _ in range(times):
            assert child.stdout.readline() == "go\n"
            time.sleep(rng.uniform(0.0005, 0.006))
            child.send_signal(signal.SIGINT)
            found.append(child.stdout.readline())
        steps = int(child.stdout.readline())
        assert child.wait(10) == 0
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert found == ["whole\n"] * times
    assert steps > times  # it was interrupted at work


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers on Windows")
@pytest.mark.parametrize("name", ["SGD", "Adam", "Rprop", "Adadelta"])
def test_a_timer_that_raises_waits_for_the_end_of_the_step(name: str) -> None:
    params = [autodiff.zeros(size, requires_grad=True) for size in (20, 30, 20_000, 40_000)]
    for p in params:
        p.grad = autodiff.ones(p.shape)
    optimizer = getattr(optim, name)(params, lr=0.01)

    def raising(*_: Any) -> None:
        raise TimeoutError

    rng, held = random.Random(0), signal.getsignal(signal.SIGINT)
    before = signal.signal(signal.SIGALRM, raising)
    try:
        for _ in range(60):
            with pytest.raises(TimeoutError):
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.0005, 0.004))
                while True:
                    optimizer.step()
            values = [p.detach().numpy() for p in params]
            assert all((v == values[0][0]).all() for v in values)
            assert len({state["step"].item() for state in optimizer.state.values() if "step" in state}) <= 1
            assert signal.getsignal(signal.SIGALRM) is raising and signal.getsignal(signal.SIGINT) is held
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# the same bits ----------------------------------------------------------------------------------------------

LEARN = """
import hashlib, sys
import numpy as np
import autodiff, nn
from nn import optim

autodiff.manual_seed(int(sys.argv[1]))
model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
x, y = autodiff.randn(60, 6), autodiff.randint(0, 3, (60,))
data = nn.data.DataLoader(nn.data.TensorDataset(x, y), batch_size=16, shuffle=True)
optimizer = optim.Adam(model.parameters(), lr=0.01)
found = hashlib.sha256()
for _ in range(5):
    for a, b in data:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(a), b)
        loss.backward()
        optimizer.step()
        found.update(loss.detach().numpy().tobytes())
for name, value in model.state_dict().items():
    found.update(name.encode() + value.numpy().tobytes())
print(found.hexdigest())
"""


def learned(seed: int, hashes: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", LEARN, str(seed)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hashes, "OPENBLAS_NUM_THREADS": "1"},
    )
    return done.stdout


def test_the_same_seed_gives_the_same_bits_in_every_process() -> None:
    assert learned(3, "1") == learned(3, "2") != learned(4, "1")
