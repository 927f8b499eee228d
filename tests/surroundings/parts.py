"""The parts of the matrix of surroundings."""

from typing import Final

from tests.surroundings import credentials, loops, network, plugins
from tests.surroundings.matrix import Part

PARTS: Final[dict[str, Part]] = {part.name: part for part in (network.PART, credentials.PART, loops.PART, plugins.PART)}
