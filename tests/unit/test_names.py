"""The public names, each loaded when it is first asked for."""

import gc
from collections.abc import Generator

import pytest

import jobruns_sdk


@pytest.fixture
def collecting() -> Generator[None]:
    was_on = gc.isenabled()
    yield
    (gc.enable if was_on else gc.disable)()


@pytest.mark.usefixtures("collecting")
@pytest.mark.parametrize("is_on", [True, False])
@pytest.mark.parametrize("name", ["Quota", "NoSuchName"])
def test_loading_a_name_leaves_the_garbage_collector_as_it_is(
    name: str, monkeypatch: pytest.MonkeyPatch, *, is_on: bool
) -> None:
    monkeypatch.delitem(vars(jobruns_sdk), name, raising=False)
    (gc.enable if is_on else gc.disable)()
    getattr(jobruns_sdk, name, None)

    assert gc.isenabled() is is_on


def test_what_cannot_be_imported_leaves_it_as_it_is_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(jobruns_sdk._HOMES, "Missing", "jobruns_sdk.missing")  # type: ignore[attr-defined]  # noqa: SLF001  # a name whose module is not there
    with pytest.raises(ModuleNotFoundError):
        _ = jobruns_sdk.Missing  # type: ignore[attr-defined]  # as above

    assert gc.isenabled()
