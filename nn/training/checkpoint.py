"""A whole training in a file: enough to go on as if it had never stopped. Nothing is pickled."""

from __future__ import annotations

import copy
import operator
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from autodiff import Generator
from autodiff.random import default_generator

from ..io import load as load_file
from ..io import save as save_file
from ..module import Module
from ..optim.uninterrupted import uninterrupted
from .history import History

if TYPE_CHECKING:
    from .trainer import Trainer

PARTS = ("model", "loss", "optimizer", "scheduler", "callbacks", "epoch", "history", "streams")


def save(trainer: Trainer, path: str | os.PathLike[str]) -> None:
    """Write all parts of a training to an npz file."""
    state = {
        "model": trainer.model.state_dict(),
        "loss": trainer.loss.state_dict() if isinstance(trainer.loss, Module) else None,
        "optimizer": trainer.optimizer.state_dict(),
        "scheduler": None if trainer.scheduler is None else trainer.scheduler.state_dict(),
        "callbacks": [[type(callback).__name__, callback.state_dict()] for callback in trainer.callbacks],
        "epoch": trainer.epoch,
        "history": trainer.history.history,
        "streams": streams(trainer._loaders),
    }
    save_file(state, path)


def load(trainer: Trainer, path: str | os.PathLike[str]) -> None:
    """Take over what `save` wrote, all of it or, if an error is raised, nothing.

    The random streams are noted, for `restore_streams`.
    """
    try:
        state = load_file(path)
        missing = [part for part in PARTS if part not in state]
        if not missing:
            history, kinds = History(state["history"]), [kind for kind, _ in state["callbacks"]]
            check_streams(state["streams"])
            epoch = operator.index(state["epoch"])
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise ValueError(f"{path} is no checkpoint of a training: {error}") from error
    if missing:
        raise ValueError(f"{path} is no checkpoint of a training: it has no {', '.join(missing)}")
    if (state["scheduler"] is None) != (trainer.scheduler is None):
        there = "no scheduler" if state["scheduler"] is None else "a scheduler"
        raise ValueError(f"{path} is of a training with {there}: make the Trainer so too")
    mine = [type(callback).__name__ for callback in trainer.callbacks]
    if mine and mine != kinds:
        raise ValueError(
            f"{path} is of a training with the callbacks {kinds or 'none'}, and this one has {mine}: "
            "give the same ones, in the same order"
        )
    parts: list[tuple[Any, Any]] = [(trainer.model, state["model"])]
    if isinstance(trainer.loss, Module) and state["loss"] is not None:
        parts.append((trainer.loss, state["loss"]))
    parts.append((trainer.optimizer, state["optimizer"]))
    if trainer.scheduler is not None:
        parts.append((trainer.scheduler, state["scheduler"]))
    parts += zip(trainer.callbacks, (callback for _, callback in state["callbacks"]), strict=False)
    with uninterrupted():
        load_all(parts)
        trainer.epoch, trainer.history = epoch, history
        trainer.resumed, trainer._streams = True, state["streams"]


def load_all(parts: Sequence[tuple[Any, Any]]) -> None:
    """Give each of these its state; should one refuse, all are again as they were."""
    before = [(part, copy.deepcopy(part.state_dict())) for part, _ in parts]
    try:
        for part, state in parts:
            part.load_state_dict(state)
    except BaseException:
        for part, state in before:
            part.load_state_dict(state)
        raise


# Random streams --------------------------------------------------------------------------------------


def streams(loaders: Sequence[Any]) -> dict[str, Any]:
    """Where the default generator is, and the generators that loaders and their samplers draw from."""
    own = [generator.get_state() for generator in generators(loaders)]
    return {"default": default_generator.get_state(), "loaders": own}


def restore_streams(states: dict[str, Any], loaders: Sequence[Any]) -> None:
    """Take all generators back to where they were."""
    own = generators(loaders)
    if len(own) != len(states["loaders"]):
        raise ValueError(
            f"the checkpoint has the states of {len(states['loaders'])} generators of loaders, and there are "
            f"{len(own)} now: give the same data as before"
        )
    for generator, state in zip(own, states["loaders"], strict=True):
        generator.set_state(state)
    default_generator.set_state(states["default"])


def check_streams(states: Any) -> None:
    """Raise unless generators can take over these states."""
    for state in (states["default"], *states["loaders"]):
        Generator().set_state(state)


def generators(loaders: Iterable[Any]) -> list[Generator]:
    """The generators that these loaders draw from, other than the default one, each once."""

    def found() -> Iterator[Any]:
        for loader in loaders:
            batches = getattr(loader, "batch_sampler", None)
            for part in (
                loader,
                getattr(loader, "sampler", None),
                batches,
                getattr(batches, "sampler", None),
            ):
                yield getattr(part, "generator", None)

    unique = {id(generator): generator for generator in found() if isinstance(generator, Generator)}
    return [generator for generator in unique.values() if generator is not default_generator]
