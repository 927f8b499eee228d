from typing import Final

import pytest

from tests.truth.differential.values import by_botocore, by_native
from tests.truth.drift.surface import SURFACES
from tests.truth.samples import BODIES, LEFT_OUT, PUBLISHED, published, published_file

SURFACE_OF: Final = {surface.folder: surface for surface in SURFACES}


def test_every_file_is_read_or_left_out_for_a_reason() -> None:
    published_file("INDEX.md")
    found = {path.relative_to(PUBLISHED).as_posix() for path in PUBLISHED.rglob("*") if path.is_file()}

    assert found == BODIES.keys() | LEFT_OUT.keys()


@pytest.mark.parametrize("name", BODIES)
def test_values_are_those_of_botocore(name: str) -> None:
    surface, operation = SURFACE_OF[name.partition("/")[0]], BODIES[name].operation
    body = published(name)

    assert by_native(surface, operation, body) == by_botocore(surface, operation, body)
