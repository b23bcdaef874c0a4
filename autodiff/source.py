"""A script's training step as plain NumPy: `python -m autodiff.source demos/xor.py -o xor_by_hand.py`.

The script runs until its optimizer has stepped twice; what happens between the first step and the second is
written down and printed as a program that runs by itself. Of several optimizers, a step of each is printed;
where there is none, the script is taken to change its parameters itself, under `no_grad`. A step that the
script gives to `autodiff.compile` is printed as soon as it is compiled. What the script prints goes to
stderr.

The printed program takes its steps with the data and the options (`lr`) of the step that was written down.
"""

from __future__ import annotations

import argparse
import contextlib
import runpy
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import compiler
from .compiler.asking import PLACES
from .compiler.naming import names_of
from .compiler.program import Program, Returned, changed_memories
from .compiler.readable import Readable
from .compiler.spelling import copied
from .compiler.trace import ONCE, Tracer
from .compiler.watch import tracing, watched
from .record import mode
from .replaced import Replaced
from .tensor import Tensor

NO_STEP = (
    "{script} ended before its parameters had been moved twice, by an optimizer after backward() or by its "
    "own code under no_grad(): there is no step to print"
)
NO_LINE = (
    "{kind} computes the loss as often as it likes in a step (it takes a closure): that is no straight line "
    "of operations, and cannot be printed as one"
)


class Done(BaseException):
    """The step is known: the script need not go on. (No Exception, so that the script does not catch it.)"""

    def __init__(self, readable: Callable[[], Readable]) -> None:
        self.readable = readable


class Onlooker(Tracer):
    """Writes down a step that will not be replayed, so that values may leave it, to be printed or plotted."""

    def __init__(self, variables: list[tuple[str, Any]], title: str, last: Any = None) -> None:
        super().__init__()
        self.variables, self.title, self.last = variables, title, last
        self.losses: list[Returned] = []

    def give_up(self, reason: str, place: str = "") -> None:
        """Go on: nothing depends on it."""

    def pullback(self, seeds: Any, wanted: Any = None, retain_graph: bool = False) -> Any:
        root, _ = seeds[0]
        self.losses.append(Returned(self.named(root.value)))
        return super().pullback(seeds, wanted, retain_graph)

    def update(self, optimizer: Any, step: Callable[..., Any]) -> None:
        super().update(optimizer, step)
        if self.losses and optimizer is self.last:
            self.done()

    def done(self) -> None:
        """End the script: its step is known."""
        self.finish(None)
        self.program.result = tuple(self.losses)
        given(self.program)
        raise Done(lambda: Readable(copied(self.program), names_of(self.variables), self.title))


class ByHand(Onlooker):
    """Waits for the first operation after the parameters were changed, and for the next of this kind."""

    moved = begun = False  # whether parameters were changed since the last of them; whether there was one

    def become(self, original: Any, x: Tensor, new: Tensor, name: str) -> Tensor:
        self.moved = self.moved or (x.is_leaf and x.requires_grad)
        return super().become(original, x, new, name)

    def begin(self) -> None:
        """What was written down is no part of the step; what it left is given to it."""
        for value in self.program.values:
            if value.kind == "made":
                value.kind, value.source = "constant", None
                self.originals[value] = value.array.copy(order="K")
        self.program.lines.clear()
        self.program.names.clear()
        self.losses.clear()
        self.grads_set.clear()
        self.begun, self.moved = True, False

    def forward(self, op: Any, original: Any, raw: Any) -> Any:
        if self.moved and mode.enabled:
            if self.begun and self.losses:
                self.done()
            self.begin()
        return super().forward(op, original, raw)


PICKS = (np.ndarray.take, np.take)


def given(program: Program) -> None:
    """What a script picks out of its data for a step, or gives a name, is written as the data of the step."""
    changing = changed_memories(program.lines)
    plain = {
        v
        for v in program.values
        if v.kind == "constant" or (v.kind == "tensor" and not v.source.requires_grad)
    } - changing
    lines = []
    for line in program.lines:
        out = line.out
        if line.pure and out is not None and out.root not in changing and set(line.values()) <= plain:
            plain.add(out)
            if out in program.names or line.function in PICKS:
                out.kind, out.source, out.root = "constant", None, out
                continue
        lines.append(line)
    program.lines = lines


class Refused(BaseException):
    """The step cannot be printed."""


def readable(script: str, arguments: Sequence[str] = ()) -> Readable:
    """The training step of a script, run with these arguments; RuntimeError if it has none."""
    try:
        with looking_on(f"One training step of {script}"), contextlib.redirect_stdout(sys.stderr):
            run(script, arguments)
    except Done as done:
        return done.readable()
    except Refused as refused:
        raise RuntimeError(str(refused)) from None
    except SystemExit:
        pass
    raise RuntimeError(NO_STEP.format(script=script))


def run(script: str, arguments: Sequence[str]) -> None:
    """The script as `python script` or, if it lies in a package, as `python -m package.script` runs it."""
    path = Path(script).resolve()
    root, parts = path.parent, [path.stem]
    while (root / "__init__.py").exists():
        root, parts = root.parent, [root.name, *parts]
    before, sys.argv, sys.path[:0] = sys.argv, [script, *arguments], [str(root)]
    try:
        if len(parts) > 1:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*found in sys.modules", RuntimeWarning)
                runpy.run_module(".".join(parts), run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(script, run_name="__main__")
    finally:
        sys.argv = before
        sys.path.remove(str(root))


@contextlib.contextmanager
def looking_on(title: str) -> Iterator[None]:
    """Wait for the first backward pass and the first step, then write down the next; or a compiled step."""
    with Replaced() as replaced:
        backward, slowly = vars(Tensor)["backward"], compiler.Compiled.slowly
        known: list[Any] = []
        order: list[Any] = []  # the optimizers that have stepped

        def first_backward(self: Tensor, *args: Any, **options: Any) -> None:
            backward(self, *args, **options)
            if order or known or tracing():
                return
            variables = users_variables()
            known.extend({id(x): x for _, x in variables if is_optimizer(x)}.values())
            for cls in {next(c for c in type(x).__mro__ if "step" in vars(c)) for x in known}:
                replaced.put(cls, "step", first_steps(vars(cls)["step"], variables))
            if not known:
                known.append(None)
                replaced.enter_context(watched(ByHand(variables, title), []))

        def first_steps(step: Any, variables: list[tuple[str, Any]]) -> Any:
            def stepped(self: Any, closure: Any = None) -> Any:
                if closure is not None and step.__qualname__ not in ONCE:
                    raise Refused(NO_LINE.format(kind=type(self).__name__))
                result = step(self, closure)
                if not tracing() and any(self is x for x in known):
                    again = any(self is x for x in order)
                    order.append(self)
                    last = order[-2] if again and len(known) > 1 and self is order[0] else None
                    if last is not None and not waited:
                        waited.append(last)
                    if len(known) == 1 or (waited and self is waited[0]):
                        replaced.enter_context(watched(Onlooker(variables, title, self), known))
                return result

            stepped.__qualname__ = step.__qualname__
            return stepped

        waited: list[Any] = []  # for the last optimizer of those that step in turn

        def compiled(self: Any, *args: Any) -> Any:
            result = slowly(self, *args)
            if self.programs:
                raise Done(self._readable)
            return result

        replaced.put(Tensor, "backward", first_backward)
        replaced.put(compiler.Compiled, "slowly", compiled)
        yield


def is_optimizer(x: Any) -> bool:
    """Whether this has parameters that it moves by a rule."""
    return hasattr(x, "param_groups") and hasattr(type(x), "update_rule")


def users_variables() -> list[tuple[str, Any]]:
    """What the functions that are running call their variables; attributes of `self` by their names."""
    found: list[tuple[str, Any]] = []
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename != __file__:  # there the script begins
        if not frame.f_code.co_filename.startswith((*PLACES, "<frozen")):
            found += [item for item in frame.f_locals.items() if not item[0].startswith("__")]
            if hasattr(frame.f_locals.get("self"), "__dict__"):
                found += vars(frame.f_locals["self"]).items()
            found += [(n, frame.f_globals[n]) for n in frame.f_code.co_names if n in frame.f_globals]
        elif hasattr(frame.f_locals.get("self"), "__dict__"):
            found += vars(frame.f_locals["self"]).items()  # nn.Trainer has a model and an optimizer
        frame = frame.f_back
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Print the step of a script, or write it to a file."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        "python -m autodiff.source", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("script", help="the script to run: demos/xor.py")
    parser.add_argument("-o", "--out", type=Path, help="where to write the program (default: print it)")
    parser.add_argument("--steps", type=int, default=10, help="how many steps it takes (default: 10)")
    parser.epilog = "What follows -- is given to the script: python -m autodiff.source train.py -- --epochs 2"
    ours = list(sys.argv[1:] if argv is None else argv)
    at = ours.index("--") if "--" in ours else len(ours)
    options, arguments = parser.parse_args(ours[:at]), ours[at + 1 :]
    if not Path(options.script).is_file():
        parser.error(f"there is no file {options.script}")
    try:
        text = readable(options.script, arguments).script(options.steps)
    except (RuntimeError, NotImplementedError) as error:
        print(error, file=sys.stderr)
        return 1
    if options.out is None:
        print(text)
    else:
        options.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
