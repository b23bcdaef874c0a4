"""One HTML file that needs nothing else and reaches for nothing: its style and its program are inside.

The content-security policy, by the hashes of the two, lets the browser run and load nothing but them; text
that came from elsewhere (names, above all) stays text even if it were not escaped, and it is.
"""

from __future__ import annotations

from ..draw.themes import DARK, LIGHT, Theme, darkening
from .mathml import escape


def document(title: str, body: str, style: str, script: str, theme: str = "auto") -> str:
    """The whole file. `theme` "dark" is always dark; else the page follows its reader."""
    style = f"{colours(theme)}\n{style}"
    policy = (
        f"default-src 'none'; style-src {digest(style)}; script-src {digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
{body}
<script>{script}</script>
</body>
</html>
"""


def digest(text: str) -> str:
    """How a content-security policy names a style or a program that it allows."""
    from base64 import b64encode
    from hashlib import sha256

    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def colours(theme: str) -> str:
    """The colours of the pictures as variables, and what makes a light picture dark."""
    when = "all" if theme == "dark" else "(prefers-color-scheme: dark)"
    return (
        f":root{{{variables(LIGHT)}}}\n"
        f"@media {when}{{:root{{{variables(DARK)}}}\n{darkening('svg.autodiff')}}}"
    )


def variables(theme: Theme) -> str:
    """`--ink:#1a1a1a;…`"""
    scheme = "dark" if theme is DARK else "light"
    named = {name: value for name, value in vars(theme).items() if isinstance(value, str)}
    return f"color-scheme:{scheme};" + "".join(
        f"--{name.replace('_', '-')}:{value};" for name, value in named.items()
    )


def asset(name: str, package: str = __package__) -> str:
    """A style or a program that lies in a package: in this one, unless it is said."""
    from importlib.resources import files

    return files(package).joinpath(name).read_text(encoding="utf-8")
