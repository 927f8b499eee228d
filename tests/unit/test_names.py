"""The public names, each loaded when it is first asked for."""

import gc
import sys
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


def loaded(monkeypatch: pytest.MonkeyPatch) -> object:
    """Load a name whose module nobody has imported yet."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    monkeypatch.setitem(jobruns_sdk._HOMES, "rgb_to_hsv", "colorsys")  # type: ignore[attr-defined]  # noqa: SLF001  # a name of a small module
    value: object = getattr(jobruns_sdk, "rgb_to_hsv")  # noqa: B009  # no type checker knows that name
    monkeypatch.delitem(vars(jobruns_sdk), "rgb_to_hsv")
    return value


def test_what_was_loaded_is_not_looked_at_again_by_collections_of_young_objects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gc.unfreeze()  # pytest's plugins may have frozen what they have loaded
    function = loaded(monkeypatch)

    assert any(one is function for one in gc.get_objects(generation=2))


def test_what_a_program_has_frozen_stays_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        loaded(monkeypatch)
        assert gc.get_freeze_count() >= before
    finally:
        gc.unfreeze()
