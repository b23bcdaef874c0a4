"""`compile(step)`: a training step as the straight-line NumPy program that a student would write by hand.

A step is written down, made shorter, and then written out in one of three forms:

Written down   `trace` runs the step once, `watch` sees what passes through the engine, `writer` notes it;
               `lifted` stands for an array meanwhile, `number` for a number, `twins` for what writes into
               its result. `keys` tell calls apart, `environment` is what a step uses without being given it,
               `asking` tells the user's code from ours.
The program    `program` is what it did, `passes` make it shorter, `recognized` says what a line is.
Fast form      `replay` writes it, `calls` a line of it, with `moves`, `forms` and `places`; `repeated` calls.
Readable form  `readable` writes it, `expressions` a line of it, with `literals`, `naming`, `by_hand`; `words`
               and `spelling` say an operation as a teacher would, `updates` a step of an optimizer.
Numba form     `native` runs it; `loops` writes it, with `entries`, `folds`, `picks`, `patches` and `steps`
               for its lines, `memories`, `scalars` and `float32` for what these are made of, `reread` for
               what has no loop of its own; `machine_code` is asked of numba.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from functools import update_wrapper
from operator import attrgetter
from types import MethodType
from typing import Any

from .keys import FAILED, MISS, key_of

__all__ = ["compile"]


MANY = 8  # programs for arguments of one kind: a step that changes more often is better run eagerly

WAITING = 64  # first traces whose second has not come

NEVER_THE_SAME = (
    "something that it uses (a global, an attribute, a number in its closure) is not the same for long"
)


class Compiled:
    """A step that is traced twice and then replayed; see `compile`."""

    def __init__(self, step: Callable[..., Any], strict: bool = False, backend: str = "numpy") -> None:
        self.step, self.strict, self.backend = step, strict, backend
        self.__name__ = type(step).__name__
        update_wrapper(self, step, updated=())
        self.programs: dict[Any, list[Any]] = {}  # by what the arguments are
        self.page: Any = None  # a copy of the last program, and the names that it uses, for `source`
        self.traced: dict[Any, Any] = {}  # the first trace, which the second must repeat
        self.reasons: dict[Any, str] = {}  # why it was given up, for these keys
        self.many_kinds = False  # whether it was said that each call is of another kind
        self.served: Any = None  # the program that ran last
        self.lock = threading.Lock()
        self.call: Callable[..., Any] = self.dispatch

    # Calling a compiled step is calling its `call`: at first `dispatch`, then often something shorter.
    __call__: Callable[..., Any] = property(attrgetter("call"))  # type: ignore[assignment]

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        """As a function in a class: a method of the object that it is asked of."""
        return self if owner is None else MethodType(self, owner)

    def __reduce__(self) -> Any:
        """A copy is compiled anew."""
        return Compiled, (self.step, self.strict, self.backend)

    def dispatch(self, *args: Any, **options: Any) -> Any:
        """Find the program for these arguments, and run it; or run the step, and write the program."""
        key, arrays = key_of(args, options)
        self.served = None
        if not self.lock.acquire(blocking=False):
            return self.step(*args, **options)  # another thread is at it, whose memory we must not use
        try:
            for program in self.programs.get(key, ()):
                result = program.run(*arrays) if program.ready else MISS
                if result is MISS:
                    result = program.run_anew(arrays)
                if result is FAILED:
                    return self.step(*args, **options)
                if result is not MISS:
                    self.served = program
                    if not args and not options and len(self.programs) == 1:
                        self.call = self.shortcut(program.run)
                    return result
            return self.slowly(key, args, options)
        finally:
            self.lock.release()

    def eagerly(self, *args: Any, **options: Any) -> Any:
        """The step as it is: how it is called while another step, of which it is a part, is traced."""
        self.served = None
        return self.step(*args, **options)

    def shortcut(self, run: Callable[[], Any]) -> Callable[..., Any]:
        """`dispatch` for a step without arguments that has one program."""
        acquire, release, dispatch = self.lock.acquire, self.lock.release, self.dispatch

        def call(*args: Any, **options: Any) -> Any:
            if args or options or not acquire(False):
                return dispatch(*args, **options)
            try:
                result = run()
            finally:
                release()
            return dispatch() if result is MISS or result is FAILED else result

        return call

    def repeat(self, n: int, *args: Any, **options: Any) -> Any:
        """The same as n calls; what they return, stacked: a loss becomes a tensor of n losses.

        With `backend="numba"` all steps but the first are one call of machine code, unless each draws random
        numbers. `.item()` is returned as a tensor here; what is neither tensor nor float, as the first call
        returned it. Raises ValueError for n < 1.
        """
        from .repeated import joined, one

        if n < 1:
            raise ValueError(f"repeat: the number of steps must be at least 1, not {n}")
        stacks, done = [], 0
        while done < n:
            stacks.append(one(self.dispatch(*args, **options)))
            done += 1
            program = self.served
            if done < n and hasattr(program, "repeat") and self.lock.acquire(blocking=False):
                try:
                    more = program.repeat(n - done)
                finally:
                    self.lock.release()
                if more is not None:
                    done += more[0]
                    stacks.append(more[1])
        return joined(stacks)

    @property
    def source(self) -> str:
        """The step as readable NumPy: forward, backward, update; known after two calls."""
        return str(self._readable().paragraphs())

    def save_source(self, path: Any, steps: int = 10) -> None:
        """Write a script that runs by itself, given NumPy: data, parameters as they are now, `steps` steps.

        It prints the losses, which are those of the step up to rounding. What is no expression in NumPy (a
        convolution, for example) is a function in the script; rare operations are called from autodiff,
        which the script then imports. Random draws differ. Raises NotImplementedError for optimizers of your
        own.
        """
        text = self._readable().script(steps)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def _readable(self) -> Any:
        """The readable form of the program that was written last."""
        if self.page is None:
            raise RuntimeError(
                "there is no program yet: call the step twice, so that it is traced"
                + (" (it could not be compiled: see the warning)" if self.reasons else "")
            )
        from .naming import names_of
        from .readable import Readable
        from .spelling import copied

        program, variables, given = self.page
        title = f"One training step of {self.__name__}"
        return Readable(copied(program), {**names_of(variables), **given}, title)

    @property
    def place(self) -> str:
        """Where the step is defined."""
        code = getattr(self.step, "__code__", None) or getattr(type(self.step).__call__, "__code__", None)
        return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else self.__name__

    def slowly(self, key: Any, args: Any, options: Any) -> Any:
        """Eagerly, while the program is written down."""
        if key in self.reasons or len(self.reasons) == WAITING:
            return self.step(*args, **options)
        from .environment import Environment
        from .passes import simplified
        from .program import beginning, same_programs
        from .watch import trace

        before = Environment(self.step, (*args, *options.values()))
        result, tracer = trace(self.step, args, options, before, self.strict, self.place)
        if not tracer.reason:
            tracer.escapes()
        if not tracer.reason:
            tracer.reason = before.unfit()
        tracer.forget()
        if len(self.programs.get(key, ())) >= MANY:
            tracer.reason = f"{MANY} programs were written for the same arguments, and none of them fits"
        if not tracer.reason:
            program = tracer.program
            waiting = key, beginning(program)
            first = self.traced.pop(waiting, None)
            tries = 1 if first is None else first[2] + 1
            changed = first is None or first[1].changed() or before.changed()
            if changed and tries < MANY:
                self.traced[waiting] = (program, before, tries)
                if len(self.traced) > WAITING:
                    del self.traced[next(iter(self.traced))]
                    self.warn_of_many_kinds()
                return result
            tracer.reason, tracer.place = same_programs(first[0], program)
            if changed:
                tracer.reason = NEVER_THE_SAME
            elif tracer.reason and tries == 2:  # perhaps of what happened between the two: once more
                self.traced[waiting] = (program, before, tries)
                return result
            if not tracer.reason:
                from .naming import names_of_arguments
                from .spelling import copied

                given = names_of_arguments(self.step, args, options)
                self.page = copied(program), before.variables, given
                self.programs.setdefault(key, []).append(self.form(simplified(program), before))
                return result
        reason = f"{tracer.reason}, at {tracer.place or self.place}"
        if self.strict or reason not in self.reasons.values():
            self.refuse(reason, "The step runs eagerly")
        self.reasons[key] = reason
        return result

    def refuse(self, reason: str, instead: str, stacklevel: int = 4) -> None:
        """Say why there is no program, and what is done instead; RuntimeError if that is not wanted."""
        if self.strict:
            from .writer import NotTraced

            raise NotTraced(f"compile: {reason}")
        warnings.warn(f"compile: {reason}. {instead}", RuntimeWarning, stacklevel=stacklevel)

    def warn_of_many_kinds(self) -> None:
        """Calls that all differ are slower than eager ones: say so, once."""
        if not self.many_kinds:
            self.many_kinds = True
            reason = (
                f"{WAITING} calls were given other shapes, numbers or objects each time: give what changes "
                f"as a tensor of one shape, at {self.place}"
            )
            self.refuse(reason, "Such calls are slower than eager ones")

    def form(self, program: Any, environment: Any) -> Any:
        """The program as it is run: machine code if that is wished and can be, else NumPy."""
        from .replay import Replay

        if self.backend == "numba":
            from .memories import NoLoop
            from .native import Native

            try:
                return Native(program, environment)
            except NoLoop as error:
                place = error.line.place
                reason = f"{error}{', at ' + place if place else ''}"
            self.refuse(reason, "The step runs as NumPy", 5)
        return Replay(program, environment)


def compile(step: Callable[..., Any] | None = None, *, strict: bool = False, backend: str = "numpy") -> Any:
    """A function that does what `step` does, to the bit, as straight-line NumPy that reuses its memory.

    `step` is a whole training step (zero_grad, forward, backward, `optimizer.step()`), or any function of
    tensors. Its first two calls run eagerly and are written down; if they did the same, later ones replay
    that program. Tensors that it uses are read anew at each call, whatever is in them: arguments, parameters,
    data; so are the options of optimizers (`lr`). Random draws are drawn anew from the same stream. New
    shapes, dtypes, numbers among the arguments, `train()` or `eval()`, and anything else under the names that
    the step uses (in its closure, in globals, attributes, lists and dicts) are traced again. What is returned
    is new, and detached; `.grad` of the parameters is what eager code would leave.

    The step may not look at values: `if loss < 1`, `float(loss)`, `print(loss)`, and `loss.item()` unless it
    is returned; nor count, nor draw random numbers from NumPy or Python. Such a step runs eagerly, with one
    warning that names the line; with `strict=True`, RuntimeError is raised, there and then. Printing text, or
    asking for the time, is done only when the step is traced.

    `backend="numba"` makes one function of machine code of the program, which takes a few seconds, once: for
    small networks, where calling NumPy takes longer than computing. Sums, products of matrices, exp and its
    kin may then differ in the last bits. The optimizers have a form there, but not LBFGS or your own; so have
    most operations, but not sorting, inverses and large convolutions: such a step is left to NumPy, with one
    warning (`strict=True`: RuntimeError). `step.repeat(n)` does n steps, there in one call, for whose
    end Ctrl-C waits. Without numba, ImportError is raised: `pip install "autodiff-nn[jit]"`.

    >>> import autodiff
    >>> w = autodiff.tensor([1.0, 2.0], requires_grad=True)
    >>> @autodiff.compile
    ... def slope(x):
    ...     w.grad = None
    ...     loss = (w * x).sum()
    ...     loss.backward()
    ...     return loss
    >>> for i in range(4):
    ...     loss = slope(autodiff.tensor([i, 1.0]))
    >>> loss, w.grad
    (tensor(5.), tensor([3., 1.]))
    """
    if backend not in ("numpy", "numba"):
        raise ValueError(f"compile: the backend must be 'numpy' or 'numba', not {backend!r}")
    if backend == "numba":
        from .machine_code import require_numba

        require_numba()
    if step is not None and not callable(step):
        raise TypeError(f"compile: the step must be a function, not {type(step).__name__}")
    if step is None:
        return lambda step: compile(step, strict=strict, backend=backend)
    return Compiled(step, strict, backend)
