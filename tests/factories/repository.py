"""The files of the repository, for the rules of the house."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
_ROOMS = ("src", "tests", "bench", "docs", "scripts", "contracts", "requirements", ".ci")
_TEXT = {"", ".py", ".md", ".toml", ".yaml", ".lock", ".html", ".css", ".js", ".sh", ".txt"}


def texts() -> list[Path]:
    """Return every text file of the repository that people wrote."""
    alone = [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".")]
    below = [path for room in _ROOMS for path in (ROOT / room).rglob("*") if path.is_file()]
    return sorted(path for path in (*alone, *below) if path.suffix in _TEXT and "__pycache__" not in path.parts)


def modules(*rooms: str) -> list[Path]:
    """Return every Python file of the rooms."""
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def place(path: Path) -> str:
    """Return a path the way a reader of a failure wants it."""
    return str(path.relative_to(ROOT))
