"""The name of a place for tensors: there is one, the CPU, and programs ask for others first."""

from __future__ import annotations

from .errors import located

__all__ = ["device"]

KINDS = ("cpu", "cuda", "mps", "xpu", "meta")


class device(str):
    """Where tensors are, `device("cpu")`: an ordinary string that also has `.type` and `.index`.

    Others may be named, `device("cuda:0")`; a tensor that should go there is refused. Raises RuntimeError for
    a name that is no device. Source: PyTorch, `torch.device`.

    >>> import autodiff
    >>> autodiff.device("cuda", 1)
    device(type='cuda', index=1)
    >>> autodiff.ones(2, device=autodiff.device("cpu"))
    tensor([1., 1.])
    """

    __slots__ = ()

    def __new__(cls, type: str, index: int | None = None) -> device:
        if not isinstance(type, str):
            raise located.TypeError(f"device(): argument 'type' must be str, not {type.__class__.__name__}")
        kind, colon, number = type.partition(":")
        if kind not in KINDS or (colon and (index is not None or not number.isdigit())):
            raise located.RuntimeError(
                f"Expected one of {', '.join(KINDS)} device type at start of device string: {type}"
            )
        return super().__new__(cls, type if index is None else f"{kind}:{index}")

    @property
    def type(self) -> str:
        """The kind of device: "cpu"."""
        return str(self).partition(":")[0]

    @property
    def index(self) -> int | None:  # type: ignore[override]
        """Which of several; None where that is not said."""
        number = str(self).partition(":")[2]
        return int(number) if number else None

    def __repr__(self) -> str:
        return f"device(type={self.type!r}" + (")" if self.index is None else f", index={self.index})")
