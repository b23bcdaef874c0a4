"""The program of a step: it is that step, it runs by itself, and it reads as one would write it."""

import subprocess
import sys

import numpy as np
import pytest

import autodiff
import nn
from autodiff import source

F = nn.functional
OPTIMIZERS = {
    "SGD": lambda p: nn.optim.SGD(p, lr=0.1),
    "SGD, weight decay": lambda p: nn.optim.SGD(p, lr=0.1, weight_decay=0.1),
    "SGD, maximize": lambda p: nn.optim.SGD(p, lr=0.01, maximize=True),
    "SGD, all": lambda p: nn.optim.SGD(p, 0.05, 0.9, 0.1, 0.01, maximize=True),
    "momentum": lambda p: nn.optim.SGD(p, lr=0.1, momentum=0.9),
    "Nesterov": lambda p: nn.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda p: nn.optim.Adam(p, lr=0.05),
    "Adam, decay": lambda p: nn.optim.Adam(p, lr=0.05, weight_decay=0.1, betas=(0.8, 0.9)),
    "amsgrad": lambda p: nn.optim.Adam(p, lr=0.05, amsgrad=True),
    "AdamW": lambda p: nn.optim.AdamW(p, lr=0.05, weight_decay=0.1),
    "AdamW, maximize": lambda p: nn.optim.AdamW(p, lr=0.01, maximize=True, amsgrad=True),
    "NAdam": lambda p: nn.optim.NAdam(p, lr=0.05),
    "NAdam, decoupled": lambda p: nn.optim.NAdam(p, 0.05, weight_decay=0.1, decoupled_weight_decay=True),
    "RAdam": lambda p: nn.optim.RAdam(p, lr=0.05),
    "RAdam, decay": lambda p: nn.optim.RAdam(p, lr=0.05, weight_decay=0.1),
    "Adamax": lambda p: nn.optim.Adamax(p, lr=0.05, weight_decay=0.01),
    "RMSprop": lambda p: nn.optim.RMSprop(p, lr=0.01),
    "RMSprop, all": lambda p: nn.optim.RMSprop(p, 0.01, weight_decay=0.1, momentum=0.9, centered=True),
    "RMSprop, centered": lambda p: nn.optim.RMSprop(p, 0.01, centered=True),
    "Adagrad": lambda p: nn.optim.Adagrad(p, lr=0.1, initial_accumulator_value=0.1),
    "Adagrad, decay": lambda p: nn.optim.Adagrad(p, lr=0.1, lr_decay=0.1, weight_decay=0.1),
    "Adadelta": lambda p: nn.optim.Adadelta(p, weight_decay=0.1),
    "Rprop": lambda p: nn.optim.Rprop(p),
    "Rprop, maximize": lambda p: nn.optim.Rprop(p, 0.001, etas=(0.4, 1.3), maximize=True),
    "ASGD": lambda p: nn.optim.ASGD(p, lr=0.1, lambd=0.1, t0=3, weight_decay=0.1),
    "groups": lambda p: nn.optim.Adam(
        [{"params": (q := list(p))[:2], "lr": 0.1}, {"params": q[2:]}], lr=0.01
    ),
}


def numbers(*shape, seed=0):
    return autodiff.tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def classes(n, *shape):
    return autodiff.tensor(np.random.default_rng(1).integers(0, n, shape))


class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.states, self.output = kind(2, 3, batch_first=True, **options), nn.Linear(3, 1)

    def forward(self, x):
        return self.output(self.states(x)[0][:, -1])


class ByHand(nn.Module):
    def __init__(self):
        super().__init__()
        self.wx, self.wh, self.b, self.wo = (
            nn.Parameter(numbers(*shape, seed=i)) for i, shape in enumerate(((2, 3), (3, 3), (3,), (3, 1)))
        )

    def forward(self, x):
        h = autodiff.zeros(x.shape[0], 3)
        for t in range(x.shape[1]):
            h = autodiff.tanh(x[:, t] @ self.wx + h @ self.wh + self.b)
        return h @ self.wo


def mlp(*activations, out=1):
    sizes = [4] + [5] * len(activations) + [out]
    layers = []
    for i, n in enumerate(sizes[1:]):
        layers += [nn.Linear(sizes[i], n), *activations[i : i + 1]]
    return nn.Sequential(*layers)


def of_class(*layers):
    return nn.Sequential(*layers), nn.CrossEntropyLoss()


NETWORKS = {
    "XOR": lambda: (mlp(nn.Tanh(), nn.Sigmoid()), nn.MSELoss(), numbers(8, 4), numbers(8, 1)),
    "probabilities": lambda: (
        nn.Sequential(mlp(nn.Tanh()), nn.Sigmoid()), nn.BCELoss(), numbers(8, 4), classes(2, 8, 1).float()
    ),
    "logits": lambda: (mlp(nn.ReLU()), nn.BCEWithLogitsLoss(), numbers(8, 4), classes(2, 8, 1).float()),
    "classes": lambda: (mlp(nn.ReLU(), out=3), nn.CrossEntropyLoss(), numbers(8, 4), classes(3, 8)),
    "many classes": lambda: (mlp(out=300), nn.CrossEntropyLoss(), numbers(8, 4), classes(300, 8)),
    "weighted": lambda: (
        mlp(out=3), nn.CrossEntropyLoss(autodiff.tensor([1.0, 2.0, 3.0]), label_smoothing=0.1), numbers(8, 4),
        classes(3, 8),
    ),
    "surprise": lambda: (
        nn.Sequential(mlp(out=3), nn.LogSoftmax(1)), nn.NLLLoss(), numbers(8, 4), classes(3, 8)
    ),
    "huber": lambda: (mlp(nn.ELU()), nn.HuberLoss(), numbers(8, 4), numbers(8, 1)),
    "L1": lambda: (mlp(nn.LeakyReLU()), nn.L1Loss(), numbers(8, 4), numbers(8, 1)),
    "activations": lambda: (
        mlp(nn.GELU(), nn.SiLU(), nn.Softplus(), nn.ELU(), nn.Hardtanh(), nn.Mish(), nn.Softmax(1)),
        nn.MSELoss(), numbers(8, 4), numbers(8, 1),
    ),
    "convolution": lambda: (
        nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 2, 2, stride=2),
            nn.Flatten(), nn.Linear(8, 3),
        ),
        nn.CrossEntropyLoss(), numbers(4, 2, 8, 8), classes(3, 4),
    ),
    "pools": lambda: (
        nn.Sequential(
            nn.Conv1d(2, 3, 3, dilation=2), nn.MaxPool1d(3, 2, 1), nn.AvgPool1d(2),
            nn.ConvTranspose1d(3, 1, 3), nn.Flatten(), nn.Linear(4, 1),
        ),
        nn.MSELoss(), numbers(4, 2, 12), numbers(4, 1),
    ),
    "batch norm": lambda: (
        nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 1)), nn.MSELoss(),
        numbers(8, 4), numbers(8, 1),
    ),
    "images": lambda: (
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)),
        nn.CrossEntropyLoss(), numbers(6, 1, 4, 4), classes(2, 6),
    ),
    "layer norm": lambda: (
        nn.Sequential(nn.Linear(4, 5), nn.LayerNorm(5), nn.Linear(5, 6), nn.RMSNorm(6), nn.Linear(6, 1)),
        nn.MSELoss(), numbers(8, 4), numbers(8, 1),
    ),
    "embedding": lambda: (
        nn.Sequential(nn.Embedding(10, 3), nn.Flatten(), nn.Linear(6, 4)), nn.CrossEntropyLoss(),
        classes(10, 5, 2), classes(4, 5),
    ),
    "padded": lambda: (
        nn.Sequential(nn.Embedding(10, 3, padding_idx=0), nn.Flatten(), nn.Linear(6, 4)),
        nn.CrossEntropyLoss(), classes(10, 5, 2), classes(4, 5),
    ),
    "RNN": lambda: (Recurrent(nn.RNN), nn.MSELoss(), numbers(4, 3, 2), numbers(4, 1)),
    "RNN, relu": lambda: (
        Recurrent(nn.RNN, nonlinearity="relu", num_layers=2), nn.MSELoss(), numbers(4, 3, 2), numbers(4, 1)
    ),
    "LSTM": lambda: (Recurrent(nn.LSTM, num_layers=2), nn.MSELoss(), numbers(4, 3, 2), numbers(4, 1)),
    "GRU": lambda: (Recurrent(nn.GRU), nn.MSELoss(), numbers(4, 3, 2), numbers(4, 1)),
    "by hand": lambda: (ByHand(), nn.MSELoss(), numbers(4, 3, 2), numbers(4, 1)),
    "attention": lambda: (
        nn.Sequential(nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True), nn.Linear(4, 1)),
        nn.MSELoss(), numbers(2, 3, 4), numbers(2, 3, 1),
    ),
}  # fmt: skip


def compiled(model, criterion, x, y, optimizer="SGD"):
    """A step of this network, which takes the data."""
    optimizer = OPTIMIZERS[optimizer](model.parameters())

    @autodiff.compile(strict=True)
    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        step(x, y)
    return step


def printed(path):
    """What a script prints where there is no autodiff."""
    command = f"import sys; sys.modules['autodiff'] = None; exec(open({str(path)!r}).read())"
    done = subprocess.run([sys.executable, "-W", "error", "-c", command], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return [list(map(float, line.split())) for line in done.stdout.splitlines()]


def check_script(step, data, path, steps=4):
    """The script of a step prints the losses that the next steps have."""
    step.save_source(path, steps)
    found = np.array(printed(path))[:, 0]
    np.testing.assert_allclose(found, [step(*data).item() for _ in range(steps)], rtol=2e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_script_of_a_network_prints_its_losses(name, tmp_path):
    autodiff.manual_seed(0)
    model, criterion, x, y = NETWORKS[name]()
    step = compiled(model, criterion, x, y)
    paragraphs = [part.partition("\n")[0] for part in step.source.split("\n\n")]
    assert paragraphs == ["# forward", "# backward", "# update"]
    assert max(map(len, step.source.splitlines())) < 150
    check_script(step, (x, y), tmp_path / "step.py")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_script_of_an_optimizer_prints_its_losses(name, tmp_path):
    autodiff.manual_seed(0)
    model, criterion, x, y = NETWORKS["XOR"]()
    step = compiled(model, criterion, x, y, name)
    check_script(step, (x, y), tmp_path / "step.py", steps=8)


def test_names_in_the_source_are_those_of_the_model():
    class XOR(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden, self.output = nn.Linear(2, 4), nn.Linear(4, 1)

        def forward(self, x):
            return self.output(self.hidden(x).sigmoid()).sigmoid()

    model, x, y = XOR(), numbers(4, 2), numbers(4, 1)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    @autodiff.compile
    def step():
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    with pytest.raises(RuntimeError, match="call the step twice"):
        _ = step.source
    for _ in range(2):
        step()
    for line in (
        "d_output = d_output_sigmoid * output_sigmoid * (1 - output_sigmoid)  # x̄ += z̄ · z · (1 − z)",
        "d_hidden_weight = d_hidden.T @ x                                     # w̄ += z̄ᵀ @ x",
        "hidden_weight -= lr * d_hidden_weight  # w ← w − γ·g",
    ):
        assert line in step.source.splitlines()
    assert "\nhidden = x @ hidden_weight.T + hidden_bias  " in step.source


def test_the_step_of_a_script(tmp_path):
    out = tmp_path / "by_hand.py"
    assert source.main(["demos/xor.py", "-o", str(out), "--", "--no-plots", "--out", str(tmp_path)]) == 0
    command = [
        sys.executable,
        "-c",
        f"import sys; sys.modules['autodiff'] = None; exec(open({str(out)!r}).read())",
    ]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    model_losses = list(map(float, printed))
    assert len(model_losses) == 10 and model_losses == sorted(model_losses, reverse=True)
    (tmp_path / "nothing.py").write_text("print('nothing is trained here')")
    assert source.main([str(tmp_path / "nothing.py")]) == 1
