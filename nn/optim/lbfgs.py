"""L-BFGS: Newton's step, with the curvature estimated from the last gradients."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from autodiff import Tensor, enable_grad
from autodiff.dtypes import Array
from autodiff.errors import located
from autodiff.memory import touch

from .optimizer import Closure, Optimizer, Params, refuse_negative
from .strong_wolfe import Point, strong_wolfe
from .uninterrupted import uninterrupted


class LBFGS(Optimizer):
    """Limited-memory BFGS: up to `max_iter` times a step,

    w ← w + t·d,   d = −H·g,

    where g = ∇L(w), all parameters as one vector, and H estimates the inverse of the Hessian from the last
    `history_size` pairs s = Δw, y = Δg (those with y·s > 10⁻¹⁰), around H₀ = (y·s / y·y)·I. t is `lr` (at the
    very first step t = lr·min(1, 1/Σ|g|)), or what `line_search_fn="strong_wolfe"` finds from there.

    A step ends before `max_iter` once the loss was computed `max_eval` times (5/4 of `max_iter` if None),
    no entry of g exceeds `tolerance_grad`, or neither the loss nor any weight changes by more than
    `tolerance_change`. If the closure raises, parameters and state are as before the step.

    Raises ValueError for options out of range and for more than one parameter group. Source: Nocedal and
    Wright, "Numerical Optimization", algorithms 7.4 and 7.5; the order of computation is PyTorch's.

    >>> import autodiff
    >>> w = autodiff.tensor([3.0, 1.0], requires_grad=True)
    >>> optimizer = LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (w**2 * autodiff.tensor([1.0, 10.0])).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure)
    tensor(19., grad_fn=<SumBackward0>)
    >>> bool((w.abs() < 1e-5).all())
    True
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)

    def check(self, options: Mapping[str, Any]) -> None:
        refuse_negative(
            options,
            lr="learning rate",
            max_iter="max_iter value",
            max_eval="max_eval value",
        )
        if not options["history_size"] >= 1:
            raise located.ValueError(
                f"Invalid history_size value: {options['history_size']}: it must be at least 1"
            )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if self.param_groups:
            raise located.ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        super().add_param_group(param_group)

    # A step ------------------------------------------------------------------------------------

    def step(self, closure: Closure | None = None) -> Tensor:
        """Make up to `max_iter` iterations; returns the loss before them.

        `closure()` clears the gradients, computes the loss, calls `backward` on it, and returns it. It is
        called several times, and must compute the same loss each time: no dropout, the same batch. Raises
        TypeError if there is none, or if it returns no number.
        """
        if closure is None:
            raise located.TypeError(
                "LBFGS.step needs a closure that clears the gradients, computes the loss, calls backward and "
                "returns the loss: optimizer.step(closure)"
            )
        line_search = self.param_groups[0]["line_search_fn"]
        if line_search not in (None, "strong_wolfe"):
            raise located.RuntimeError(
                f"only 'strong_wolfe' is supported, not line_search_fn={line_search!r}"
            )
        params = self._parameters()
        starts, state = [p.array.copy() for p in params], self.state.get(params[0])
        try:
            with np.errstate(all="ignore"):
                return self._iterate(closure)
        except BaseException:  # Ctrl-C among them
            with uninterrupted():
                self._put(starts)
                self.state.pop(params[0], None)
                if state is not None:
                    self.state[params[0]] = state
            raise

    def _iterate(self, closure: Closure) -> Tensor:
        """The iterations of one step; what they remember is written to the state at the end."""
        group = self.param_groups[0]
        lr, max_iter, max_eval, tolerance = (
            group[name] for name in ("lr", "max_iter", "max_eval", "tolerance_change")
        )
        lr = lr.item() if isinstance(lr, Tensor) else lr
        first = self._parameters()[0]
        memory = Memory(self.state.get(first, {}), group["history_size"])

        result = self._loss(closure)
        loss, g = float(result), self._gradient()
        evaluations, iterations = 1, 0
        while iterations < max_iter and not largest(g) <= group["tolerance_grad"]:
            iterations += 1
            memory.n_iter += 1
            d = memory.direction(g)
            t = lr if memory.n_iter > 1 else min(1.0, 1.0 / np.abs(g).sum()) * lr
            memory.remember(d, t, g, loss)
            slope = g.dot(d)
            if slope > -tolerance:
                break
            before = loss
            if group["line_search_fn"] is None:
                self._move(t, d)
                if iterations == max_iter:  # nobody asks for the loss there
                    break
                loss, g, count = float(self._loss(closure)), self._gradient(), 1
            else:
                here = Point(0, loss, g, slope)
                there, count = self._search(closure, here, t, d, max_eval - evaluations)
                t, loss, g = there.t, there.loss, there.gradient
                self._move(t, d)
                memory.t = t
            evaluations += count
            if evaluations >= max_eval:
                break
            if largest(d * t) <= tolerance or abs(loss - before) < tolerance:
                break
        memory.func_evals += evaluations
        with uninterrupted():
            self.state[first] = memory.state()
        return result

    def _search(self, closure: Closure, start: Point, t: Any, d: Array, most: int) -> tuple[Point, int]:
        """A step along d that satisfies Wolfe's conditions, and the number of losses computed."""
        if not t > 0:
            raise located.RuntimeError(
                f"LBFGS: a line search cannot start with a step of {t}: lr must be positive"
            )
        starts = [p.array.copy() for p in self._parameters()]

        def at(t: Any) -> Point:
            self._move(t, d)
            loss, g = float(self._loss(closure)), self._gradient()
            self._put(starts)
            return Point(t, loss, g, g.dot(d))

        return strong_wolfe(at, start, t, largest(d), most)

    def _loss(self, closure: Closure) -> Tensor:
        with enable_grad():
            loss = closure()
        if loss is None:
            raise located.TypeError(
                "LBFGS: the closure returned None: it must return the loss that it computed"
            )
        return loss

    # All parameters as one vector --------------------------------------------------------------

    def _gradient(self) -> Array:
        """The gradients of all parameters, one after the other; zeros where there is none."""
        return np.concatenate(
            [
                np.zeros(p.array.size, p.dtype) if p.grad is None else p.grad.array.reshape(-1)
                for p in self._parameters()
            ]
        )

    def _move(self, t: Any, d: Array) -> None:
        """w ← w + t·d."""
        done = 0
        for p in self._parameters():
            w, size = p.array, p.array.size
            w += (d[done : done + size] * t).reshape(w.shape)
            touch(w)
            done += size

    def _put(self, values: list[Array]) -> None:
        """Give the parameters these values."""
        for p, value in zip(self._parameters(), values, strict=True):
            p.array[...] = value
            touch(p.array)

    # Saved and restored ------------------------------------------------------------------------

    def _loaded_state(self, number: Any, entry: Mapping[str, Any], p: Tensor) -> dict[str, Any]:
        """A copy of the saved state, all of which belongs to the first parameter."""
        missing = [name for name in ("func_evals", "n_iter") if name not in entry]
        if missing:
            raise located.ValueError(
                f"loaded state dict has no {' '.join(missing)} for parameter {number}, only {sorted(entry)}: "
                "was it saved by another kind of optimizer than LBFGS?"
            )
        count = sum(q.array.size for q in self._parameters())

        def copied(name: str, value: Any) -> Any:
            if isinstance(value, (list, tuple)):
                return [copied(name, item) for item in value]
            if value is None or isinstance(value, (int, float)):
                return value
            array = np.asarray(value.detach() if hasattr(value, "detach") else value)
            if array.shape not in ((), (count,)):
                raise located.ValueError(
                    f"loaded state dict has {name} of shape {array.shape}, and the optimizer needs "
                    f"shape {(count,)}: the sizes of all parameters together"
                )
            return Tensor(array.astype(p.dtype))

        return {name: copied(name, value) for name, value in entry.items()}


class Memory:
    """What LBFGS remembers from iteration to iteration, and the direction that it makes of it.

    In `state()` it has PyTorch's names: `old_dirs` are the y, `old_stps` the s, `ro` the 1/(y·s), `al` the
    factors α of the last direction, `H_diag` the scale of H₀.
    """

    def __init__(self, state: Mapping[str, Any], history_size: int) -> None:
        self.func_evals: int = state.get("func_evals", 0)
        self.n_iter: int = state.get("n_iter", 0)
        self.history_size = history_size
        self.d, self.t, self.g = (
            plain(state.get("d")),
            plain(state.get("t")),
            plain(state.get("prev_flat_grad")),
        )
        self.loss: float | None = state.get("prev_loss")
        self.scale: Any = plain(state.get("H_diag"))
        self.al: list[Any] | None = plain(state.get("al"))
        pairs = (plain(state.get(name) or []) for name in ("old_dirs", "old_stps", "ro"))
        self.pairs: deque[tuple[Array, Array, Any]] = deque(zip(*pairs, strict=True))

    def direction(self, g: Array) -> Array:
        """d = −H·g, by the two loops over the pairs; takes in the pair that the last step gave."""
        if self.n_iter == 1:
            self.pairs.clear()
            self.scale = 1
            return -g
        y, s = g - self.g, self.d * self.t
        ys = y.dot(s)
        if ys > 1e-10:
            while len(self.pairs) >= self.history_size:
                self.pairs.popleft()
            self.pairs.append((y, s, 1.0 / ys))
            self.scale = ys / y.dot(y)
        if self.al is None or len(self.al) < self.history_size:
            self.al = [None] * self.history_size
        q = -g
        for i, (y, s, rho) in reversed(list(enumerate(self.pairs))):
            self.al[i] = s.dot(q) * rho
            q -= y * self.al[i]
        q *= self.scale
        for i, (y, s, rho) in enumerate(self.pairs):
            q += s * (self.al[i] - y.dot(q) * rho)
        return q

    def remember(self, d: Array, t: Any, g: Array, loss: float) -> None:
        """Where the step that is about to be made starts, and which one it is."""
        self.d, self.t, self.g, self.loss = d, t, g, loss

    def state(self) -> dict[str, Any]:
        """The entries of `state`, in PyTorch's layout."""
        counts = {"func_evals": self.func_evals, "n_iter": self.n_iter}
        if self.d is None:  # there was nothing to do yet
            return counts
        y, s, rho = (list(column) for column in zip(*self.pairs, strict=True)) if self.pairs else ([], [], [])
        factors = {} if self.al is None else {"al": self.al}
        found = {
            "d": self.d,
            "t": self.t,
            "old_dirs": y,
            "old_stps": s,
            "ro": rho,
            "H_diag": self.scale,
            "prev_flat_grad": self.g,
            "prev_loss": self.loss,
        }
        return {**counts, **{name: kept(value) for name, value in {**factors, **found}.items()}}


def largest(x: Array) -> Any:
    """The largest size of any entry: the norm ‖x‖∞."""
    return np.abs(x).max(initial=0)


def kept(value: Any) -> Any:
    """Arrays and NumPy's numbers as Tensors, also in lists."""
    if isinstance(value, list):
        return [kept(item) for item in value]
    return Tensor(np.array(value)) if isinstance(value, (np.ndarray, np.generic)) else value


def plain(value: Any) -> Any:
    """What `kept` was given: arrays, and NumPy's numbers for tensors without dimensions."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.array[()] if isinstance(value, Tensor) else value
