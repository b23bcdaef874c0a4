"""Where in the user's program something happened: the line, the call, the module by its path.

All of it is found afterwards, on the stack of the error: while nothing fails, nothing is noted and nothing
costs. A module is whatever has `named_modules`, so that this package need not know of layers.
"""

from __future__ import annotations

import linecache
import os
import sys
import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, NamedTuple, TypeVar

import numpy as np

from .wording import describe

_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OURS = tuple(os.path.join(_PACKAGES, name, "") for name in ("autodiff", "nn"))
MARK = "your line: "
INSIDE = (*OURS, os.path.join(os.path.dirname(os.path.abspath(np.__file__)), ""), "<frozen ")


class Step(NamedTuple):
    """One frame of a stack, and the line that it is at."""

    frame: FrameType
    line: int

    @property
    def file(self) -> str:
        """The file of the code."""
        return self.frame.f_code.co_filename


class Line(NamedTuple):
    """A line of a program."""

    file: str
    number: int

    def __str__(self) -> str:
        text = linecache.getline(self.file, self.number).strip()
        return f"{self.file}, line {self.number}" + (f": {text}" if text else "")


E = TypeVar("E", bound=Exception)


def stack() -> list[Step]:
    """The frames that led to the caller, the outermost first."""
    steps = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        steps.append(Step(frame, frame.f_lineno))
        frame = frame.f_back
    return steps[::-1]


def steps_of(traceback: TracebackType | None) -> list[Step]:
    """The frames of a traceback, the outermost first."""
    steps = []
    while traceback is not None:
        steps.append(Step(traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return steps


def led_to(error: Exception) -> list[Step]:
    """The frames that led to an error, which is about to be raised by the caller's caller, or was raised."""
    raised = steps_of(error.__traceback__)
    above = stack()[:-2]
    if raised:
        frames = [step.frame for step in above]
        above = above[: frames.index(raised[0].frame)]
    return [*above, *raised]


def of_user(steps: Sequence[Step]) -> int | None:
    """The position of the last step that is in nobody's code but the user's."""
    return next((i for i in reversed(range(len(steps))) if not steps[i].file.startswith(INSIDE)), None)


def users_line() -> Line | None:
    """The line of the user's program that is being carried out."""
    steps = stack()
    i = of_user(steps)
    return None if i is None else Line(steps[i].file, steps[i].line)


def locate(steps: Sequence[Step]) -> str:
    """The module or the call in which the last of these steps is; and the user's line."""
    i = of_user(steps)
    if i is None:
        return ""
    found = [module_in(steps) or call_in(steps[i + 1 :]), f"{MARK}{Line(steps[i].file, steps[i].line)}"]
    return "\n".join(text for text in found if text)


def placed(error: E) -> E:
    """The error, whose text says where it happened; for one that is about to be raised, or passes on its way.

    What is said there already is left: nearest to the mistake most is known.
    """
    if MARK not in str(error) and error.args and isinstance(error.args[0], str):
        with suppress(Exception):  # what the user's objects do when looked at must not hide the error
            place = locate(led_to(error))
            error.args = (f"{error.args[0]}\n{place}" if place else error.args[0], *error.args[1:])
    return error


class located:
    """Python's kinds of errors, made with a text that also says where in the user's program they happened.

    To be raised where a call of the user's is refused: `raise located.ValueError(...)`.
    """

    @staticmethod
    def RuntimeError(message: str) -> RuntimeError:
        return placed(RuntimeError(message))

    @staticmethod
    def ValueError(message: str) -> ValueError:
        return placed(ValueError(message))

    @staticmethod
    def TypeError(message: str) -> TypeError:
        return placed(TypeError(message))

    @staticmethod
    def IndexError(message: str) -> IndexError:
        return placed(IndexError(message))

    @staticmethod
    def NotImplementedError(message: str) -> NotImplementedError:
        return placed(NotImplementedError(message))

    @staticmethod
    def AssertionError(message: str) -> AssertionError:
        return placed(AssertionError(message))

    @staticmethod
    def AttributeError(message: str) -> AttributeError:
        return placed(AttributeError(message))


def module_in(steps: Sequence[Step]) -> str:
    """The innermost module that was at work, by its path from the outermost, and what it was given."""
    bearers = [(i, bearer(step)) for i, step in enumerate(steps)]
    made = [module for i, module in bearers if steps[i].frame.f_code.co_name == "__init__"]  # not ready yet
    modules = [(i, module) for i, module in bearers if module is not None and module not in made]
    if not modules:
        return ""
    last, module = modules[-1]
    for first, root in modules:
        path = next((path for path, each in root.named_modules() if each is module), None)
        if path is not None:
            name = name_of(root, steps[:first]) or path_of(root, steps[:first]) or type(root).__name__
            kind = repr(module) if "\n" not in repr(module) else type(module).__name__
            given = ", ".join(arguments(steps[last]))
            return f"in {name}{'.' if path else ''}{path}: {kind}" + (f", given {given}" if given else "")
    return ""


def at_work() -> list[weakref.ref[Any]]:
    """The modules in whose methods the caller is, the outermost first; for a look at `path_between` later."""
    steps = stack()
    found = (bearer(step) for step in steps if step.frame.f_code.co_varnames[:1] == ("self",))
    return [weakref.ref(module) for module in found if module is not None]


def path_between(modules: Sequence[weakref.ref[Any]]) -> str:
    """What the user calls the last of these modules, `net.hidden`: by its path from the first that has it."""
    alive = [module for module in (ref() for ref in modules) if module is not None]
    for root in alive:
        for path, module in root.named_modules():
            if module is alive[-1]:
                name = name_of(root, stack()) or type(root).__name__
                return f"{name}{'.' if path else ''}{path}"
    return ""


def bearer(step: Step) -> Any:
    """The module whose method this step is in; None if it is in none's."""
    names = step.frame.f_code.co_varnames[:1]
    found = step.frame.f_locals.get(names[0]) if names and step.frame.f_code.co_argcount else None
    return found if hasattr(type(found), "named_modules") and "_roles" in vars(found) else None


def name_of(value: Any, steps: Sequence[Step]) -> str | None:
    """What the user calls this object: a variable of the innermost frame that has one."""
    for step in reversed(steps):
        if not step.file.startswith(INSIDE):
            for names in (step.frame.f_locals, step.frame.f_globals):
                for name, found in list(names.items()):
                    if found is value and not name.startswith("_"):
                        return name
    return None


def path_of(module: Any, steps: Sequence[Step]) -> str | None:
    """What the user calls the module: an attribute of a model that a variable of a frame is, `net.hidden`."""
    for step in reversed(steps):
        if not step.file.startswith(INSIDE):
            for names in (step.frame.f_locals, step.frame.f_globals):
                for name, found in list(names.items()):
                    if hasattr(type(found), "named_modules") and "_roles" in vars(found):
                        path = next((path for path, each in found.named_modules() if each is module), None)
                        if path and not name.startswith("_"):
                            return f"{name}.{path}"
    return None


def call_in(steps: Sequence[Step]) -> str:
    """The user's call of a function of ours, with what it was given."""
    for step in steps:
        code = step.frame.f_code
        if code.co_filename == __file__:
            break  # in what makes the error
        takes = code.co_argcount or (code.co_flags & 0x04 and not code.co_freevars)  # a wrapper passes on
        first = step.frame.f_locals.get(code.co_varnames[0]) if takes else None
        name = code.co_name
        if name == "__init__":
            name = type(first).__name__
        elif name == "__call__":  # of an operation
            name = getattr(first, "name", name)
        if first is not None and name.isidentifier() and not name.startswith("_"):
            return f"in {name}({', '.join(arguments(step))})"
    return ""  # operators, and what only passes its arguments on


def arguments(step: Step) -> Iterator[str]:
    """The arguments of a call; tensors and arrays by dtype and shape."""
    code, values = step.frame.f_code, step.frame.f_locals
    named = code.co_argcount + code.co_kwonlyargcount
    for i, name in enumerate(code.co_varnames[:named]):
        value = values.get(name)
        if value is not None and not (i == 0 and name in ("self", "cls") and not hasattr(value, "array")):
            yield f"{name}={describe(value)}"
    if code.co_flags & 0x04 and code.co_varnames[named] in values:  # *args
        yield from map(describe, values[code.co_varnames[named]])
