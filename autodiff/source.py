"""A script's training step as plain NumPy: `python -m autodiff.source demos/xor.py -o xor_by_hand.py`.

The script runs until its optimizer has stepped twice; what happens between the first step and the second is
written down and printed as a program that runs by itself. A step that the script gives to
`autodiff.compile` is printed instead as soon as it is compiled. What the script prints goes to stderr.
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

from . import compiler
from .compiler.asking import PLACES
from .compiler.page import copied
from .compiler.program import Returned
from .compiler.readable import Readable, names_of
from .compiler.trace import Tracer
from .compiler.watch import tracing, watched
from .tensor import Tensor

NO_STEP = "{script} ended before an optimizer had stepped twice after backward(): there is no step to print"


class Done(BaseException):
    """The step is known: the script need not go on. (No Exception, so that the script does not catch it.)"""

    def __init__(self, readable: Callable[[], Readable]) -> None:
        self.readable = readable


class Onlooker(Tracer):
    """Writes down a step that will not be replayed, so that values may leave it, to be printed or plotted."""

    def __init__(self, variables: list[tuple[str, Any]], title: str) -> None:
        super().__init__()
        self.variables, self.title = variables, title

    def give_up(self, reason: str) -> None:
        """Go on: nothing depends on it."""

    def pullback(self, seeds: Any, wanted: Any = None, retain_graph: bool = False) -> Any:
        root, _ = seeds[0]
        self.program.result = Returned(self.named(root.value))
        return super().pullback(seeds, wanted, retain_graph)

    def update(self, optimizer: Any, step: Callable[..., Any]) -> None:
        super().update(optimizer, step)
        if self.program.result is not None:
            result = self.program.result
            self.finish(None)
            self.program.result = result
            raise Done(lambda: Readable(copied(self.program), names_of(self.variables), self.title))


def readable(script: str, arguments: Sequence[str] = ()) -> Readable:
    """The training step of a script, run with these arguments; RuntimeError if it has none."""
    try:
        with looking_on(f"One training step of {script}"), contextlib.redirect_stdout(sys.stderr):
            run(script, arguments)
    except Done as done:
        return done.readable()
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
    """Wait for the first backward pass and the first step, then write down the second; or a compiled step."""
    with contextlib.ExitStack() as stack:

        def put(owner: Any, name: str, new: Any) -> None:
            before = vars(owner)[name]
            stack.callback(setattr, owner, name, before)
            setattr(owner, name, new)

        backward, slowly = vars(Tensor)["backward"], compiler.Compiled.slowly
        known: list[Any] = []

        def first_backward(self: Tensor, *args: Any, **options: Any) -> None:
            if not known and not tracing():
                variables = users_variables()
                for optimizer in {id(x): x for _, x in variables if is_optimizer(x)}.values():
                    known.append(optimizer)
                    step = next(cls for cls in type(optimizer).__mro__ if "step" in vars(cls))
                    put(step, "step", first_step(vars(step)["step"], variables))
            backward(self, *args, **options)

        def first_step(step: Any, variables: list[tuple[str, Any]]) -> Any:
            def stepped(self: Any, *args: Any, **options: Any) -> Any:
                result = step(self, *args, **options)
                if not tracing():
                    stack.enter_context(watched(Onlooker(variables, title), known))
                return result

            stepped.__qualname__ = step.__qualname__
            return stepped

        def compiled(self: Any, *args: Any) -> Any:
            result = slowly(self, *args)
            if self.programs:
                raise Done(self._readable)
            return result

        put(Tensor, "backward", first_backward)
        put(compiler.Compiled, "slowly", compiled)
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
