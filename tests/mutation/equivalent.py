"""Survivors that no test can kill, each with the reason."""

from collections.abc import Mapping
from typing import Final

from tests.mutation.running import Survivor

EQUIVALENT: Final[Mapping[Survivor, str]] = {}
