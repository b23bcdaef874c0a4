"""The colours of a picture, light and dark, under the same names.

Kinds of node differ in shape and border as well, and the scale of gradients in lightness, so the picture can
be printed in black and white. All colours have six digits: some renderers read no others.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Theme:
    """What each colour is for; `scale` are the grounds of gradients, largest first."""

    ground: str
    ink: str
    grey: str
    line: str
    frame: str
    backward: str
    on_scale: str
    parameter: str
    parameter_line: str
    data: str
    data_line: str
    intermediate: str
    intermediate_line: str
    result: str
    result_line: str
    operation: str
    operation_line: str
    fold: str
    fold_line: str
    scale: tuple[str, ...]


LIGHT = Theme(
    ground="#ffffff", ink="#1a1a1a", grey="#5f6368", line="#3c4044", frame="#8a8f98", backward="#a61c3c",
    on_scale="#5c0a1e",
    parameter="#fff3cd", parameter_line="#7a5c00",
    data="#e3eefa", data_line="#245a8d",
    intermediate="#fefefe", intermediate_line="#5f6369",
    result="#e2f2e4", result_line="#1e6b34",
    operation="#ececef", operation_line="#3c4043",
    fold="#ede7f6", fold_line="#5e35b1",
    scale=("#ee8fa4", "#f4b0bf", "#f8c9d3", "#fbdde4", "#fdebef"),
)  # fmt: skip

DARK = Theme(
    ground="#16181d", ink="#e8eaed", grey="#a4a9b0", line="#c3c7cd", frame="#7d828b", backward="#ff9db0",
    on_scale="#ffe1e7",
    parameter="#3d3413", parameter_line="#e0b84c",
    data="#17304a", data_line="#7db3e8",
    intermediate="#23272e", intermediate_line="#9aa0a6",
    result="#17381f", result_line="#7ccb8f",
    operation="#33373d", operation_line="#bdc1c6",
    fold="#2e2546", fold_line="#b39ddb",
    scale=("#96304a", "#742a3d", "#592734", "#43242c", "#332228"),
)  # fmt: skip

THEMES = {"light": LIGHT, "dark": DARK, "auto": LIGHT}


def pairs() -> list[tuple[str, str]]:
    """Each light colour with its dark one."""
    found: list[tuple[str, str]] = []
    for field in fields(Theme):
        light, dark = getattr(LIGHT, field.name), getattr(DARK, field.name)
        found += [(light, dark)] if isinstance(light, str) else zip(light, dark, strict=True)
    return found


def darkening(selector: str = "") -> str:
    """CSS rules that make a light SVG below `selector` dark: its colours are attributes, which CSS overrides.

    >>> darkening("svg.dark").splitlines()[0]
    'svg.dark [fill="#ffffff"]{fill:#16181d}'
    """
    below = f"{selector} " if selector else ""
    return "\n".join(
        f'{below}[{what}="{light}"]{{{what}:{dark}}}'
        for light, dark in pairs()
        for what in ("fill", "stroke")
    )
