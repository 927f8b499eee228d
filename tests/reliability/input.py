"""What is refused before anything is sent, in numbers."""

from typing import Final

from tests.dangers.input import test_endpoints, test_names
from tests.dangers.input.calls import CALLS, cases

EXACT: Final = True


def render() -> str:
    """Return the table of what is refused."""
    wrong = cases()
    arguments = {name for _, name, _ in wrong}
    ids = sum(map(len, test_names.IDS.values()))
    names = sum(map(len, test_names.NAMES.values()))
    values = sum(len(values) for *_, values in wrong)
    elsewhere = f"{len(test_endpoints.ELSEWHERE)}; from the environment and configuration files too"
    rows = (
        ("wrong types and values", f"{values}: {len(arguments)} arguments in {len(CALLS)} calls"),
        ("tricks in an id that travels in a path", f"{len(test_names.PATH_TRICKS)} in each of {ids} arguments"),
        ("control characters and lengths in Glue's names", f"{len(test_names.CONTROL)} in each of {names} arguments"),
        ("addresses of other machines in plain http", elsewhere),
        ("addresses that may be read in two ways", f"{len(test_endpoints.NO_ADDRESS)}"),
    )
    return "\n".join(
        (
            "| refused before anything is sent | cases |",
            "|---|---|",
            *(f"| {what} | {cases_of} |" for what, cases_of in rows),
        )
    )
