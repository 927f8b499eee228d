"""Completion of the command line in shells: scripts that were made of the parser when the package was built."""

from pathlib import Path


def script(shell: str) -> str:
    """Return the script of a shell: bash, fish or zsh."""
    return (Path(__file__).parent / f"jobruns.{shell}").read_text(encoding="utf-8")
