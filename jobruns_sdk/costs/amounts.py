"""The cost of a run, as a value."""

from decimal import Decimal
from typing import Literal, TypeAlias

import attrs

CostBasis: TypeAlias = Literal["billed", "consumed", "estimated", "running"]
"""The usage that a cost is made of: as ``Usage.basis``, or ``"running"`` for a run that has not ended."""


@attrs.frozen
class CostPart:
    """One usage type of a run's cost.

    Attributes:
        usage_type: AWS's usage type without the region's prefix, such as ``"ETL-DPU-Hour"``; None where the run does
            not tell which one it is.
        quantity: The hours that are billed, None where the service does not tell.
        unit: ``"DPU-hour"``, ``"vCPU-hour"`` or ``"GB-hour"``.
        rate: The price of one unit in the run's region, None where the table has none.
        amount: Quantity times rate, not rounded; None where one of them is not known.
    """

    usage_type: str | None
    quantity: Decimal | None
    unit: str
    rate: Decimal | None
    amount: Decimal | None


@attrs.frozen
class Cost:
    """The cost of a run or an attempt by list prices.

    Attributes:
        amount: The sum of the parts, not rounded; None where one of them is not known.
        currency: The currency's code, such as ``"USD"``.
        basis: The usage that it was calculated from: ``"billed"``, ``"consumed"`` or ``"estimated"`` as in `Usage`, or
            ``"running"`` for a run that has not ended, whose cost grows.
        parts: The parts, by usage type.
        unknown: The usage types that are not in ``amount``, for want of a rate or of a quantity; ``"?"`` where the run
            does not tell its usage type.
    """

    amount: Decimal | None
    currency: str
    basis: CostBasis
    parts: tuple[CostPart, ...]
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.amount is None:
            return f"unknown ({self.currency} {self.basis}: no {', '.join(self.unknown)})"
        return f"{self.amount:.4f} {self.currency} ({self.basis})"
