"""The generated pages of ``docs/reference``, written by ``python -m cloudstead.app.reference``.

That of the settings comes from the settings themselves, that of the command line from its commands.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

from cloudstead.app.commands_page import commands_page
from cloudstead.app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path("docs/reference/settings.md")
COMMANDS_PAGE = Path("docs/reference/command-line.md")

_HEAD = """# Settings

This page is written by `make docs` from `src/cloudstead/app/settings.py`.

A setting is taken from the first of these places that has it: a flag of the command line, the environment, the file
named by `--config` or `CLOUDSTEAD_CONFIG`, the default. The file is TOML with one table for each section:

```toml
[data]
folder = "/var/lib/cloudstead"

[mqtts]
address = "*:8883"

[public]
hostname = "cloud.example.com"
```

In the environment the same settings are `CLOUDSTEAD_DATA_FOLDER`, `CLOUDSTEAD_MQTTS_ADDRESS` and
`CLOUDSTEAD_PUBLIC_HOSTNAME`; lists are separated by commas. A key that does not exist is an error, wherever it stands.
"""


def settings_page() -> str:
    """Return the page: a section and a table for each section of the settings."""
    return "\n".join([_HEAD.rstrip(), *_sections()]) + "\n"


def _sections() -> Iterator[str]:
    for section in msgspec.structs.fields(Settings):
        yield ""
        yield f"## {section.name}"
        yield ""
        yield str(section.type.__doc__).splitlines()[0]
        yield ""
        yield "| setting | environment | default | meaning |"
        yield "|---|---|---|---|"
        kind = inspect.type_info(section.type)
        assert isinstance(kind, inspect.StructType)  # noqa: S101  # every section is a struct
        for field in kind.fields:
            variable = f"CLOUDSTEAD_{section.name}_{field.name}".upper()
            yield f"| `{field.name}` | `{variable}` | {_shown(field.default)} | {_meaning(field.type)} |"


def _meaning(kind: inspect.Type) -> str:
    """Return the description that a field carries; one without is a mistake in the settings."""
    if not isinstance(kind, inspect.Metadata) or not kind.extra_json_schema:
        raise TypeError(f"a setting of type {kind} has no description")
    return str(kind.extra_json_schema["description"])


def _shown(default: Any) -> str:
    if default in {"", ()}:
        return "(empty)"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    for page, text in ((PAGE, settings_page()), (COMMANDS_PAGE, commands_page())):
        page.write_text(text, encoding="utf-8")
        print(f"{page} is written.")
