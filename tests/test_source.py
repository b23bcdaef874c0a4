"""The program of a step: it is that step, it runs by itself, and it reads as one would write it."""

import runpy
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
    command = f"import runpy, sys; sys.modules['autodiff'] = None; runpy.run_path({str(path)!r})"
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


def traced(step, *args, **options):
    """The step, compiled, after its calls."""
    step = autodiff.compile(step, strict=True)
    for _ in range(3):
        step(*args, **options)
    return step


def of_parts(x, n, y, *rest, scale=2.0, mask):
    return ((x - y) * n * scale * mask).sum() + rest[0].sum()


def of_a_batch(batch, scale):
    return (batch["input"] * scale - batch["target"][0]).sum()


class Bound:
    def step(self, x, y):
        return (x - y).sum()

    __call__ = step


@pytest.mark.parametrize(
    "step, args, options, line",
    [
        (of_parts, (numbers(2), 3, numbers(2, seed=1), numbers(2, seed=2)), {"mask": numbers(2, seed=3)},
         "loss = ((x - y) * 3 * 2 * mask).sum() + rest_0.sum()"),
        (of_a_batch, ({"input": numbers(2), "target": [numbers(2, seed=1)]}, 2.0), {},
         "loss = (batch_input * 2 - batch_target_0).sum()"),
        (Bound().step, (numbers(2), numbers(2, seed=1)), {}, "loss = (x - y).sum()"),
        (Bound(), (numbers(2), numbers(2, seed=1)), {}, "loss = (x - y).sum()"),
    ],
)  # fmt: skip
def test_arguments_have_the_names_of_the_parameters(step, args, options, line):
    assert line in traced(step, *args, **options).source


class Homonyms(nn.Module):
    """Parameters, modules and variables that have the names of functions in the script, and of Python's."""

    def __init__(self):
        super().__init__()
        self.conv, self.max_pool, self.each = nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Linear(8, 3)
        self.conv_for_weight = nn.Parameter(numbers(3))

    def forward(self, x):
        conv = self.conv(x)
        range = self.max_pool(conv).flatten(1)
        normal_cdf = self.each(nn.functional.gelu(range))
        return normal_cdf * self.conv_for_weight


def test_names_do_not_hide_the_functions_of_the_script(tmp_path):
    model, zip, y = Homonyms(), numbers(2, 1, 6, 6), classes(3, 2)
    optimizer = nn.optim.Adam(model.parameters(), lr=0.01)

    def step():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(zip), y)
        loss.backward()
        optimizer.step()
        return loss

    step = traced(step)
    assert "d_conv_weight = conv_for_weight(" in step.source
    check_script(step, (), tmp_path / "step.py")


def test_averages_are_followed_as_one_would_write_it(tmp_path):
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 1))
    x, y = numbers(8, 4), numbers(8, 1)
    average, losses = model[2].bias.detach().clone(), autodiff.zeros(3)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    def step():
        optimizer.zero_grad()
        loss = F.smooth_l1_loss(model(x), y)
        loss.backward()
        optimizer.step()
        with autodiff.no_grad():
            average.lerp_(model[2].bias, 0.1)
            losses[1] = loss
        return loss

    step = traced(step)
    step.save_source(tmp_path / "step.py", 2)
    found = runpy.run_path(str(tmp_path / "step.py"))
    for _ in range(2):
        step()
    expected = {
        "layer1_running_mean": model[1].running_mean, "layer1_running_var": model[1].running_var,
        "average": average, "losses": losses, "layer2_weight": model[2].weight,
    }  # fmt: skip
    for name, tensor in expected.items():
        np.testing.assert_allclose(found[name], tensor.detach(), rtol=1e-4, atol=1e-6, err_msg=name)
    for line in (
        "layer1_running_mean[...] = 0.9 * layer1_running_mean + 0.1 * layer0.mean(axis=0)",
        "layer1_running_var[...] = 0.9 * layer1_running_var + 0.1 * layer0.var(axis=0, ddof=1)",
        "average[...] = average + 0.1 * (layer2_bias - average)",
        "losses[1] = loss",
    ):
        assert line in step.source.splitlines()
    paragraphs = [part.partition("\n")[0] for part in step.source.split("\n\n")]
    assert paragraphs == ["# forward", "# backward", "# update"]
    assert "np.clip(z, -1, 1) / 8 " in step.source


def test_a_transpose_of_a_transpose_is_not_written():
    w, v = numbers(4, 3).requires_grad_(), numbers(2, 4).requires_grad_()

    def step(x):
        w.grad = v.grad = None
        loss = F.logsigmoid(x @ w.T @ v.T).sum()
        loss.backward()
        return loss

    source = traced(step, numbers(5, 3)).source
    assert ".T.T" not in source and "np.exp(-(-" not in source


def test_a_file_is_not_touched_if_there_is_no_script(tmp_path):
    (tmp_path / "step.py").write_text("mine")
    with pytest.raises(RuntimeError, match="call the step twice"):
        autodiff.compile(lambda x: x).save_source(tmp_path / "step.py")
    assert (tmp_path / "step.py").read_text() == "mine"
    with pytest.raises(TypeError, match="the step must be a function, not int"):
        autodiff.compile(3)


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


# scripts as students write them: each prints its losses, a step a line --------------------------------------

START = """
import autodiff as torch
import nn
from nn.data import DataLoader, TensorDataset
torch.manual_seed(0)
x, y = torch.randn(12, 3), torch.randn(12, 1)
network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
"""
SCRIPTS = {
    "at the top": """
criterion, optimizer = nn.MSELoss(), nn.optim.Adam(network.parameters(), lr=0.01)
for epoch in range(12):
    predicted = network(x)
    loss = criterion(predicted, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        accuracy = ((predicted > 0) == (y > 0)).float().mean()
    print(loss.item(), accuracy.item())
""",
    "in functions, with a loader": """
def train(model, loader, optimizer):
    for xb, yb in loader:
        optimizer.zero_grad()
        output = model(xb)
        loss = nn.functional.mse_loss(output, yb)
        loss.backward()
        optimizer.step()
        print(loss.item())
def main():
    loader = DataLoader(TensorDataset(x, y), batch_size=12)
    optimizer = nn.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(12):
        train(network, loader, optimizer)
main()
""",
    "clipped, with a schedule": """
optimizer = nn.optim.RMSprop(network.parameters(), lr=1e-3)
scheduler = nn.optim.lr_scheduler.StepLR(optimizer, 100)
def step():
    optimizer.zero_grad()
    loss = ((network(x) - y) ** 2).mean()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 0.5)
    optimizer.step()
    scheduler.step()
    return loss.item()
for i in range(12):
    print(step())
""",
    "two optimizers, of parts": """
first = nn.optim.SGD(network[0].parameters(), lr=0.1)
second = nn.optim.Adam(network[2].parameters(), lr=0.01)
for i in range(12):
    first.zero_grad()
    second.zero_grad()
    loss = nn.functional.mse_loss(network(x), y)
    loss.backward()
    first.step()
    second.step()
    print(loss.item())
""",
    "two optimizers, in turn": """
other = nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(0.2), nn.Linear(4, 1), nn.Sigmoid())
maker = nn.Linear(2, 3)
noise, ones, zeros, bce = torch.randn(12, 2), torch.ones(12, 1), torch.zeros(12, 1), nn.BCELoss()
of_maker, of_other = nn.optim.Adam(maker.parameters(), 0.01), nn.optim.Adam(other.parameters(), 0.01)
for i in range(12):
    of_other.zero_grad()
    loss = bce(other(x), ones) + bce(other(maker(noise).detach()), zeros)
    loss.backward()
    of_other.step()
    of_maker.zero_grad()
    loss_of_maker = bce(other(maker(noise)), ones)
    loss_of_maker.backward()
    of_maker.step()
    print(loss.item(), loss_of_maker.item())
""",
    "gradients that add up": """
optimizer = nn.optim.SGD(network.parameters(), lr=0.1)
for i in range(12):
    found = []
    for part in range(3):
        loss = nn.functional.mse_loss(network(x[4 * part : 4 * part + 4]), y[4 * part : 4 * part + 4]) / 3
        loss.backward()
        found.append(loss.item())
    optimizer.step()
    optimizer.zero_grad()
    print(*found)
""",
    "zeros in place": """
optimizer = nn.optim.SGD(network.parameters(), lr=0.1, weight_decay=0.01)
for i in range(12):
    optimizer.zero_grad(set_to_none=False)
    loss = nn.functional.mse_loss(network(x), y)
    loss.backward()
    optimizer.step()
    print(loss.item())
""",
    "by its own hand": """
w, b = torch.randn(3, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
for i in range(12):
    loss = ((x @ w + b - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        b -= 0.1 * b.grad
        w.grad = b.grad = None
    print(loss.item())
""",
    "by its own hand, zeros in place": """
w, b = torch.randn(3, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
for i in range(12):
    loss = ((x @ w + b - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        for p in (w, b):
            p -= 0.1 * p.grad
            p.grad.zero_()
    print(loss.item())
""",
    "a trainer": """
class Loud(nn.MSELoss):
    def forward(self, input, target):
        loss = super().forward(input, target)
        print(loss.item())
        return loss
trainer = nn.Trainer(network, Loud(), nn.optim.Adam(network.parameters()))
trainer.fit(x, y, epochs=12, batch_size=12, shuffle=False, verbose=False)
""",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_program_of_a_script_prints_its_losses(name, tmp_path, capsys):
    script, out = tmp_path / "script.py", tmp_path / "by_hand.py"
    script.write_text(START + SCRIPTS[name])
    assert source.main([str(script), "-o", str(out), "--steps", "4"]) == 0
    assert not capsys.readouterr().out  # what the script prints is no part of the program
    source.run(str(script), [])
    losses = np.array([list(map(float, line.split())) for line in capsys.readouterr().out.splitlines()])
    found = np.array(printed(out))
    losses = losses[:, : found.shape[1]]
    assert any(np.allclose(found, losses[k : k + 4], rtol=1e-4) for k in range(2, 5))
    assert ("  # which a scheduler changes" in out.read_text()) == ("schedule" in name)


def test_what_a_script_shows_of_a_step_is_what_it_computes(tmp_path, capsys):
    script = tmp_path / "script.py"
    script.write_text(START + SCRIPTS["at the top"].replace("loss.item()", "loss.detach().numpy()"))
    assert source.main([str(script)]) == 0
    captured = capsys.readouterr()
    assert "Lifted" not in captured.err and len(captured.err.split()[0]) > 5
    with pytest.raises(SystemExit):
        source.main([str(tmp_path / "nothing.py")])
    assert "there is no file" in capsys.readouterr().err


def test_a_sum_has_the_name_that_the_step_gives_it():
    x = numbers(3).requires_grad_()

    def step(y):
        x.grad = None
        sum_of_two = (x * y).sum() + (x - autodiff.zeros(3)).exp().sum()
        sum_of_two.backward()
        return sum_of_two

    text = traced(step, numbers(3)).source
    assert "sum_of_two = (x * y).sum() + " in text and "- 0" not in text


def test_what_is_no_straight_line_is_refused(tmp_path, capsys):
    script = tmp_path / "script.py"
    script.write_text(
        START + "optimizer = nn.optim.LBFGS(network.parameters())\n"
        "def closure():\n    loss = network(x).pow(2).mean()\n    loss.backward()\n    return loss\n"
        "closure()\noptimizer.step(closure)"
    )
    assert source.main([str(script)]) == 1 and "LBFGS computes the loss as often" in capsys.readouterr().err


def test_an_optimizer_of_ones_own_is_refused_by_the_script_only(tmp_path):
    class Own(nn.optim.SGD):
        pass

    model, _, x, _ = NETWORKS["XOR"]()
    optimizer = Own(model.parameters(), lr=0.1)

    @autodiff.compile
    def own(x):
        optimizer.zero_grad()
        loss = model(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        own(x)
    assert "# Own moves" in own.source
    with pytest.raises(NotImplementedError, match="the update of Own has no form by hand"):
        own.save_source(tmp_path / "own.py")
