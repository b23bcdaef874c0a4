"""Watch a training: losses, gradients, updates, idle activations, the boundary; and a report that shows them.

`watcher` (what is measured, and when), `seeing` (how modules are looked at), `activations` (dead, saturated),
`boundary` (frames of the plane), `chart` (curves as SVG), `report` (the page).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..module import Module

if TYPE_CHECKING:
    from .watcher import Watch

__all__ = ["watch"]


def watch(model: Module, interval: int | None = None, data: tuple[Any, Any] | None = None) -> Watch:
    """Watch the training of `model`, and save what there was to see as one page.

    In a loop of your own, `watch.step(loss)` goes between `loss.backward()` and `optimizer.step()`; with a
    Trainer, the watch is one of its callbacks:

        with nn.watch(model) as watch:                          history = trainer.fit(
            for x, y in batches:                                    x, y, epochs=50,
                optimizer.zero_grad()                               callbacks=[watch := nn.watch(model)],
                loss = loss_fn(model(x), y)                     )
                loss.backward()
                watch.step(loss)
                optimizer.step()
        watch.save("report.html")                               watch.save("report.html")

    Every step's loss is noted. Measured are, by layer (module with parameters of its own), the norm of the
    gradient and the ratio of update to weights; by activation module the share of dead units (ReLU) or
    saturated values (sigmoid, tanh and the like); for a model with two inputs its answers on the plane. Every
    `interval`-th step is measured; by default as many as 3 % of the time
    are enough for. `data`,
    inputs (n, 2) and targets, are drawn on the plane; else what the model is given.

    Raises TypeError if `model` is no Module, ValueError for an interval below 1.

    >>> import autodiff, nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    >>> optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    >>> with nn.watch(model, interval=1) as watch:
    ...     for _ in range(5):
    ...         optimizer.zero_grad()
    ...         loss = model(autodiff.ones(4, 2)).square().mean()
    ...         loss.backward()
    ...         watch.step(loss)
    ...         optimizer.step()
    >>> watch
    <Watch of 5 steps, 5 of them measured>
    >>> list(watch.measures[-1].gradient)
    ['0', '2']
    """
    from .watcher import Watch

    if not isinstance(model, Module):
        raise TypeError(f"watch(): model must be an nn.Module, not {type(model).__name__}")
    if interval is not None and (isinstance(interval, bool) or not isinstance(interval, int) or interval < 1):
        raise ValueError(f"watch(): interval must be a whole number of steps, at least 1, not {interval!r}")
    return Watch(model, interval, data)
