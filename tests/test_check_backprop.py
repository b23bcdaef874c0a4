"""`check_backprop` against students: backpropagation by hand in NumPy, with known mistakes in it.

The students' code is written as courses write it, layer by layer, and shares nothing with the engine. Each
makes one mistake, or two at a time, on networks drawn at random; the table counts how often they are named.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff
import nn

MISSING, OF_INPUT, TWICE = "missing σ′", "σ′ of the pre-activation", "σ′ twice"
NO_MEAN, NO_TWO_MEAN, SUM_FOR_MEAN = "missing 1/n", "missing 2/n", "sum for mean"
UNSUMMED, TRANSPOSED, SIGN = "unsummed bias", "transposed", "sign"
UPDATED, RATE, ORDER = "weights already updated", "learning rate", "layer order"
CAUSES = [MISSING, OF_INPUT, TWICE, NO_MEAN, NO_TWO_MEAN, SUM_FOR_MEAN, UNSUMMED, TRANSPOSED, SIGN, UPDATED]
CAUSES += [RATE, ORDER]

FACTORS = {NO_MEAN, NO_TWO_MEAN, SUM_FOR_MEAN, RATE}
"""Of two of these only the product is in the numbers: nobody can tell them apart."""

SIGMA = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
}
SLOPE = {  # of the activation a, as it is written in notes
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a**2,
    "relu": lambda a: (a > 0) * 1.0,
}


class Network(NamedTuple):
    """Rows are samples: a = σ(a W + b), layer by layer; a sigmoid at the end."""

    x: np.ndarray
    y: np.ndarray
    weights: list[np.ndarray]
    biases: list[np.ndarray]
    hidden: str
    loss: str
    rate: float

    @property
    def activations(self) -> list[str]:
        return [self.hidden] * (len(self.weights) - 1) + ["sigmoid"]


def drawn(seed: int, hidden: str | None = None, loss: str | None = None, depth: int | None = None) -> Network:
    rng = np.random.default_rng(seed)
    hidden = hidden or str(rng.choice(["sigmoid", "tanh", "relu"]))
    loss = loss or str(rng.choice(["mse", "bce"]))
    depth = depth or int(rng.integers(1, 4))
    n, outputs = int(rng.integers(5, 12)), int(rng.integers(1, 4))
    sizes = [int(rng.integers(2, 5)), *(int(rng.integers(3, 6)) for _ in range(depth)), outputs]
    weights = [rng.normal(0, 1, pair) for pair in itertools.pairwise(sizes)]
    biases = [rng.normal(0, 0.5, size) for size in sizes[1:]]
    x, y = rng.normal(0, 1, (n, sizes[0])), rng.integers(0, 2, (n, outputs)).astype(float)
    return Network(x, y, weights, biases, hidden, loss, float(rng.choice([0.5, 0.1, 0.03])))


def student(net: Network, mistakes: frozenset[str], places: dict[str, int]) -> dict[str, np.ndarray]:
    """The gradients of one who makes these mistakes, at these layers."""
    values, inputs = [net.x], []
    for w, b, name in zip(net.weights, net.biases, net.activations, strict=True):
        inputs.append(values[-1] @ w + b)
        values.append(SIGMA[name](inputs[-1]))
    error = net.y - values[-1] if SIGN in mistakes else values[-1] - net.y
    two, n = (2 if net.loss == "mse" else 1), error.size
    if NO_MEAN in mistakes:
        n = 1
    if NO_TWO_MEAN in mistakes:
        two, n = 1, 1
    delta = two * error / n
    found: dict[str, np.ndarray] = {}
    last = len(net.weights) - 1
    for k in range(last, -1, -1):
        a = values[k + 1]
        slope = SLOPE[net.activations[k]](inputs[k] if places.get(OF_INPUT) == k else a)
        if k == last and net.loss == "bce":
            slope = slope if places.get(TWICE) == k else 1
        elif places.get(TWICE) == k:
            slope = slope * slope
        if places.get(MISSING) != k:
            delta = delta * slope
        w = net.weights[k]
        found[f"W{k}"] = values[k].T @ delta
        found[f"b{k}"] = delta if UNSUMMED in mistakes else delta.sum(axis=0)
        if SUM_FOR_MEAN in mistakes:
            found[f"b{k}"] = found[f"b{k}"] * error.size
        if UPDATED in mistakes:
            w = w - net.rate * found[f"W{k}"]
        delta = delta @ w.T
    for k in range(last + 1):
        if TRANSPOSED in mistakes:
            found[f"W{k}"] = found[f"W{k}"].T
        if RATE in mistakes:
            found[f"W{k}"], found[f"b{k}"] = found[f"W{k}"] * net.rate, found[f"b{k}"] * net.rate
    return found


def engine(net: Network, style: str = "matmul") -> tuple[Any, dict[str, Any]]:
    """The loss and the parameters, as tensors."""
    params = {}
    a = autodiff.tensor(net.x)
    for k, (w, b, name) in enumerate(zip(net.weights, net.biases, net.activations, strict=True)):
        params[f"W{k}"] = autodiff.tensor(w, requires_grad=True)
        params[f"b{k}"] = autodiff.tensor(b, requires_grad=True)
        if style == "linear":
            z = nn.functional.linear(a, params[f"W{k}"].T, params[f"b{k}"])
        else:
            z = a @ params[f"W{k}"] + params[f"b{k}"]
        if net.loss == "bce" and style == "linear" and k == len(net.weights) - 1:
            return nn.functional.binary_cross_entropy_with_logits(z, autodiff.tensor(net.y)), params
        a = getattr(autodiff, name)(z)
    loss = {"mse": nn.functional.mse_loss, "bce": nn.functional.binary_cross_entropy}[net.loss]
    return loss(a, autodiff.tensor(net.y)), params


def placed(net: Network, mistakes: frozenset[str], seed: int) -> dict[str, int] | None:
    """A layer for each mistake that has one; None if the mistakes cannot be made, or would change nothing."""
    rng = np.random.default_rng(seed)
    places: dict[str, int] = {}
    last = len(net.weights) - 1
    for cause in (OF_INPUT, TWICE, MISSING):
        if cause not in mistakes:
            continue
        at = [
            k
            for k, name in enumerate(net.activations)
            if k not in places.values()
            and not (net.loss == "bce" and k == last and cause != TWICE)
            and not (name == "relu" and cause != MISSING)
        ]
        if not at:
            return None
        places[cause] = int(rng.choice(at))
    if NO_TWO_MEAN in mistakes and net.loss != "mse":
        return None
    return places


def trial(seed: int, mistakes: frozenset[str]) -> Any:
    """The check of one student; None where the mistakes cannot be made, or change no number."""
    net = drawn(seed)
    places = placed(net, mistakes, seed)
    if places is None:
        return None
    by_hand = student(net, mistakes, places)
    right = student(net, frozenset(), {})
    for cause in mistakes:  # each must matter by itself
        alone = student(net, frozenset({cause}), {k: v for k, v in places.items() if k == cause})
        if cause != ORDER and all(
            alone[name].shape == g.shape and np.allclose(alone[name], g) for name, g in right.items()
        ):
            return None
    loss, params = engine(net, ["matmul", "linear"][seed % 2])
    before = {name: p.array.copy() for name, p in params.items()}
    given: Any = by_hand
    if ORDER in mistakes:  # as they come out of the loop: from the last layer to the first
        layers = range(len(net.weights) - 1, -1, -1)
        given = [by_hand[f"{letter}{k}"] for k in layers for letter in "Wb"]
    found = autodiff.check_backprop(given, loss, list(params.values()) if ORDER in mistakes else params)
    for name, p in params.items():
        assert p.grad is None and np.array_equal(p.array, before[name])
    return found


def named(found: Any) -> set[str]:
    return {cause for finding in found.findings for cause in finding.causes}


def table(kinds: list[frozenset[str]], wanted: int) -> dict[frozenset[str], tuple[int, int, list[Any]]]:
    """For each set of mistakes: how many students had all of theirs named, of how many."""
    counts = {}
    for kind in kinds:
        right, tried, misses = 0, 0, []
        for seed in range(200):
            found = trial(1000 * len(kind) + seed, kind)
            if found is None:
                continue
            tried += 1
            if kind <= named(found) and not any(f.cause == "unexplained" for f in found.findings):
                right += 1
            else:
                misses.append((seed, sorted(named(found)), found.ok))
            if tried == wanted:
                break
        counts[kind] = right, tried, misses
    return counts


def printed(counts: dict[frozenset[str], tuple[int, int, list[Any]]]) -> None:
    for kind, (right, tried, misses) in counts.items():
        print(f"{' + '.join(sorted(kind)):60} {right:3} of {tried:3}  {misses or ''}")


def test_every_mistake_alone():
    counts = table([frozenset({cause}) for cause in CAUSES], 12)
    printed(counts)
    for kind, (right, tried, misses) in counts.items():
        assert tried == 12, kind
        assert right == tried, (kind, misses)


PAIRS = [
    frozenset(pair)
    for pair in itertools.combinations(CAUSES, 2)
    if not (set(pair) <= FACTORS and SUM_FOR_MEAN not in pair) and {SUM_FOR_MEAN, NO_TWO_MEAN} != set(pair)
]


def test_every_two_mistakes_at_once():
    counts = table(PAIRS, 2)
    printed(counts)
    assert len(counts) > 55
    for kind, (right, tried, misses) in counts.items():
        assert tried == 2, kind
        assert right == tried, (kind, misses)


# right gradients are never accused --------------------------------------------------------------------------


def in_float32(net: Network) -> Network:
    """The same network, computed in float32 by the student; for the engine the same numbers in float64."""
    small = [[np.asarray(w, np.float32) for w in ws] for ws in (net.weights, net.biases)]
    narrow = {"x": net.x.astype(np.float32), "y": net.y.astype(np.float32)}
    return net._replace(**narrow, weights=small[0], biases=small[1])


def in_float64(net: Network) -> Network:
    wide = [[np.asarray(w, np.float64) for w in ws] for ws in (net.weights, net.biases)]
    broad = {"x": net.x.astype(np.float64), "y": net.y.astype(np.float64)}
    return net._replace(**broad, weights=wide[0], biases=wide[1])


@given(
    st.integers(0, 10_000), st.sampled_from(["matmul", "linear"]), st.sampled_from([0.01, 1.0, 2.0, 4.0, 8.0])
)
def test_right_gradients_are_right(seed: int, style: str, size: float) -> None:
    net = drawn(seed)
    net = net._replace(weights=[size * w for w in net.weights])
    narrow = in_float32(net)
    for hand, ours in [(net, net), (narrow, in_float64(narrow)), (in_float64(narrow), narrow)]:
        loss, params = engine(ours._replace(y=ours.y.astype(ours.x.dtype)), style)
        found = autodiff.check_backprop(student(hand, frozenset(), {}), loss, params)
        assert found.ok and not found.findings, found
        assert "right" in str(found)


@pytest.mark.parametrize("seed", [129, *range(12)])
def test_right_gradients_of_saturated_classes_are_right(seed: int) -> None:
    """In float32 most probabilities are 0 or 1 to the last digit here, and underflow on the way back."""
    rng = np.random.default_rng(60_000 + seed)
    sizes, n = (3, 5, 3), 7
    w = [(8 * rng.normal(size=pair)).astype(np.float32) for pair in itertools.pairwise(sizes)]
    x, index = rng.normal(size=(n, 3)).astype(np.float32), rng.integers(0, 3, n)
    h = SIGMA["sigmoid"](x @ w[0])
    z = h @ w[1]
    e = np.exp(z - z.max(1, keepdims=True))
    dz2 = (e / e.sum(1, keepdims=True) - np.eye(3, dtype=np.float32)[index]) / np.float32(n)
    dz1 = dz2 @ w[1].T * h * (1 - h)
    for dtype in (np.float32, np.float64):
        params = [autodiff.tensor(array.astype(dtype), requires_grad=True) for array in w]
        hidden = (autodiff.tensor(x.astype(dtype)) @ params[0]).sigmoid()
        loss = nn.functional.cross_entropy(hidden @ params[1], autodiff.tensor(index))
        found = autodiff.check_backprop([x.T @ dz1, h.T @ dz2], loss, params)
        assert found.ok, found


@settings(max_examples=8)
@given(st.integers(0, 10_000), st.integers(0, 5))
def test_what_no_mistake_explains_is_shown_beside_a_difference(seed: int, which: int) -> None:
    net = drawn(seed, hidden="tanh")  # without kinks
    grads = student(net, frozenset(), {})
    name = list(grads)[which % len(grads)]
    entry = tuple(n - 1 for n in grads[name].shape)
    grads[name][entry] += 0.125
    loss, params = engine(net)
    found = autodiff.check_backprop(grads, loss, params)
    (finding,) = found.findings
    assert (found.ok, finding.cause, finding.parameters) == (False, "unexplained", (name,))
    if grads[name].size > 1:
        assert f"{name}[{', '.join(map(str, entry))}]" in finding.evidence
        ours, difference = (float(part.split()[-1]) for part in finding.evidence.split(",")[-2:])
        assert abs(ours - difference) < 1e-6
        assert abs(grads[name][entry] - ours - 0.125) < 1e-6


# what is asked, and how -------------------------------------------------------------------------------------


def columns(x: np.ndarray, y: np.ndarray, w: list[np.ndarray], square: bool) -> list[np.ndarray]:
    """The lab's network by hand: samples are columns, biases are columns too, sigmoid twice."""
    h = SIGMA["sigmoid"](w[0] @ x + w[1])
    p = SIGMA["sigmoid"](w[2] @ h + w[3])
    dz2 = (p - y) / y.size * (2 * p * (1 - p) if square else 1)
    dz1 = w[2].T @ dz2 * h * (1 - h)
    return [dz1 @ x.T, dz1.sum(1, keepdims=True), dz2 @ h.T, dz2.sum(1, keepdims=True)]


@pytest.mark.parametrize("square", [True, False])
def test_samples_may_be_columns(square: bool) -> None:
    rng = np.random.default_rng(3)
    x, y = np.array([[0.0, 0, 1, 1], [0, 1, 0, 1]]), np.array([[0.0, 1, 1, 0]])
    w = [rng.normal(size=shape) for shape in [(4, 2), (4, 1), (1, 4), (1, 1)]]
    params = [autodiff.tensor(array, requires_grad=True) for array in w]
    h = (params[0] @ autodiff.tensor(x) + params[1]).sigmoid()
    p = (params[2] @ h + params[3]).sigmoid()
    target = autodiff.tensor(y)
    loss = ((p - target) ** 2).mean() if square else nn.functional.binary_cross_entropy(p, target)
    grads = columns(x, y, w, square)
    assert autodiff.check_backprop(grads, loss, params).ok
    assert autodiff.check_backprop([grads[0], grads[1][:, 0], *grads[2:]], loss, params).ok  # (h,) for (h, 1)
    found = autodiff.check_backprop([g * 4 for g in grads], loss, params)
    assert [finding.cause for finding in found.findings] == [NO_MEAN]
    assert "n = 4" in str(found)
    unsummed = [grads[0], np.tile(grads[1] / 4, 4), *grads[2:]]
    (finding,) = autodiff.check_backprop(unsummed, loss, params).findings
    assert finding.cause == UNSUMMED and "axis=1" in finding.fix
    everything = [grads[0], np.full((4, 1), grads[1].sum()), *grads[2:]]
    (finding,) = autodiff.check_backprop(everything, loss, params).findings
    assert finding.cause == "summed over everything"


def xor_module() -> tuple[Any, Any, dict[str, np.ndarray]]:
    """A module of float32, its loss, and its gradients by hand."""
    autodiff.manual_seed(1)
    model = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid())
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 20, np.float32)
    y = (x.sum(1, keepdims=True) == 1).astype(np.float32)
    loss = nn.functional.mse_loss(model(autodiff.tensor(x)), autodiff.tensor(y))
    w1, b1, w2, b2 = (p.array.astype(np.float64) for p in model.parameters())
    h = SIGMA["sigmoid"](x @ w1.T + b1)
    p = SIGMA["sigmoid"](h @ w2.T + b2)
    dz2 = 2 / y.size * (p - y) * p * (1 - p)
    dz1 = dz2 @ w2 * h * (1 - h)
    names = [name for name, _ in model.named_parameters()]
    return model, loss, dict(zip(names, [dz1.T @ x, dz1.sum(0), dz2.T @ h, dz2.sum(0)], strict=True))


def test_a_module_gives_the_names() -> None:
    model, loss, grads = xor_module()
    assert autodiff.check_backprop(grads, loss, model).ok
    found = autodiff.check_backprop({**grads, "0.weight": grads["0.weight"].T}, loss, model)
    assert [(f.cause, f.parameters) for f in found.findings] == [(TRANSPOSED, ("0.weight",))]
    assert autodiff.check_backprop([autodiff.tensor(g) for g in grads.values()], loss, model).ok


def test_before_and_after_backward() -> None:
    model, loss, grads = xor_module()
    wrong = {name: g * 80 for name, g in grads.items()}
    loss.backward(retain_graph=True)
    kept = [p.grad.array.copy() for p in model.parameters()]
    assert autodiff.check_backprop(grads, loss, model).ok
    loss.backward()
    with pytest.raises(RuntimeError, match="graph was freed"):
        autodiff.check_backprop(grads, loss, without_grad(model))
    for p, g in zip(model.parameters(), kept, strict=True):
        p.grad = autodiff.tensor(g)
    assert autodiff.check_backprop(grads, loss, model).ok  # 80 rows of data are gone: .grad is asked
    found = autodiff.check_backprop(wrong, loss, model)
    assert NO_MEAN in named(found) or RATE in named(found)
    assert "freed" in str(found)
    for p, g in zip(model.parameters(), kept, strict=True):
        assert np.array_equal(p.grad.array, g)


def without_grad(model: Any) -> dict[str, Any]:
    for p in model.parameters():
        p.grad = None
    return dict(model.named_parameters())


def test_a_small_graph_is_computed_again_after_backward() -> None:
    net = drawn(11, "tanh", "mse", 2)
    loss, params = engine(net)
    loss.backward()
    for p in params.values():
        p.grad = None
    found = autodiff.check_backprop(student(net, frozenset({MISSING}), {MISSING: 1}), loss, params)
    assert named(found) == {MISSING}


def test_parameters_changed_since_are_refused_or_do_not_matter() -> None:
    model, loss, grads = xor_module()
    with autodiff.no_grad():
        for p in model.parameters():
            p.sub_(p * 0.1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        autodiff.check_backprop(grads, loss, model)


def test_two_causes_with_the_same_number_are_both_named() -> None:
    net = drawn(0, "sigmoid", "mse", 1)._replace(rate=0.5)
    loss, params = engine(net)
    found = autodiff.check_backprop(student(net, frozenset({RATE}), {}), loss, params)
    assert {RATE, "missing 2"} <= named(found)


def test_what_cannot_be_checked_is_refused() -> None:
    net = drawn(5, "sigmoid", "mse", 1)
    loss, params = engine(net)
    grads = student(net, frozenset(), {})
    check = autodiff.check_backprop
    with pytest.raises(ValueError, match="there is none for W1"):
        check({name: g for name, g in grads.items() if name != "W1"}, loss, params)
    with pytest.raises(ValueError, match="no parameter is called W9"):
        check({**grads, "W9": grads["W0"]}, loss, params)
    with pytest.raises(ValueError, match="3 gradients for 4 parameters"):
        check(list(grads.values())[:3], loss, params)
    with pytest.raises(ValueError, match="params is empty"):
        check([], loss, [])
    with pytest.raises(ValueError, match="does not require grad"):
        check([1.0], loss, [autodiff.ones(1)])
    with pytest.raises(TypeError, match="array of numbers, not None"):
        check({**grads, "W0": None}, loss, params)
    with pytest.raises(TypeError, match="params must be"):
        check(grads, loss, 3)
    with pytest.raises(TypeError, match="loss must be a Tensor"):
        check(grads, 1.0, params)
    with pytest.raises(RuntimeError, match="scalar"):
        check(grads, params["W0"] * 2, params)
    with pytest.raises(RuntimeError, match="does not require grad"):
        check(grads, autodiff.ones(()), params)


def test_nan_is_wrong() -> None:
    net = drawn(5, "sigmoid", "mse", 1)
    loss, params = engine(net)
    grads = student(net, frozenset(), {})
    grads["b0"] = grads["b0"] * np.nan
    found = autodiff.check_backprop(grads, loss, params)
    assert not found.ok and "yours nan" in str(found)


def test_saturated_units_do_not_hide_a_mistake() -> None:
    net = drawn(5016)  # some p are 1 to the last digit of float32, and 1 / (1 - p) could be anything
    loss, params = engine(net)
    assert autodiff.check_backprop(student(net, frozenset(), {}), loss, params).ok
    found = autodiff.check_backprop(student(net, frozenset({SIGN}), {}), loss, params)
    assert not found.ok and named(found) == {SIGN}


def test_the_report_is_text_and_html() -> None:
    net = drawn(5, "sigmoid", "mse", 1)
    loss, params = engine(net)
    grads = student(net, frozenset({SIGN}), {})
    found = autodiff.check_backprop(
        {f"<{name}>": g for name, g in grads.items()}, loss, {f"<{n}>": p for n, p in params.items()}
    )
    text, html = str(found), found._repr_html_()
    assert repr(found) == text and text.startswith("4 of 4 gradients differ")
    assert "the sign is wrong" in text and "Fix: dL/dŷ is ŷ − y" in text
    assert html.count("<tr>") == html.count("</tr>") == 5
    assert "&lt;W0&gt;" in html and "<W0>" not in html


def test_classes_and_logits() -> None:
    autodiff.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4))
    rng = np.random.default_rng(0)
    x, index = rng.normal(size=(9, 3)).astype(np.float32), rng.integers(0, 4, 9)
    loss = nn.functional.cross_entropy(model(autodiff.tensor(x)), autodiff.tensor(index))
    w1, b1, w2, b2 = (p.array for p in model.parameters())
    h = np.maximum(x @ w1.T + b1, 0)
    logits = h @ w2.T + b2
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    dz2 = (p - np.eye(4, dtype=np.float32)[index]) / 9
    for mistakes in [set(), {MISSING}, {NO_MEAN}, {MISSING, SIGN}]:
        d = dz2 * (9 if NO_MEAN in mistakes else 1) * (-1 if SIGN in mistakes else 1)
        dz1 = d @ w2 * (1 if MISSING in mistakes else h > 0)
        found = autodiff.check_backprop([dz1.T @ x, dz1.sum(0), d.T @ h, d.sum(0)], loss, model)
        assert named(found) == mistakes
        assert found.ok == (not mistakes)
