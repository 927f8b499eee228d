"""The files of prices that a command line names."""

from collections.abc import Sequence

from jobruns_sdk import InvalidRequestError, JobRunsError
from jobruns_sdk.costs import PriceTable


def read_prices(files: Sequence[str]) -> PriceTable:
    """Return the prices of a table that was saved, or of AWS's price lists.

    Raises:
        InvalidRequestError: A file is something else.
        JobRunsError: One cannot be read.
    """
    try:
        if files[0].lower().endswith(".csv"):
            return PriceTable.from_price_list(*files)
        if len(files) == 1:
            return PriceTable.load(files[0])
    except OSError as error:
        raise JobRunsError(f"{error.filename} cannot be read: {error.strerror or error}") from error
    raise InvalidRequestError("--prices takes one table, or price lists in CSV")
