"""Costs of runs: their usage times the list prices that a program gives. The package knows no prices.

A cost here is the list price of the usage that the services tell. Discounts, savings, free tiers, taxes,
pre-initialized workers, and logs and storage outside of runs are not in it.
"""

from jobruns_sdk.costs.amounts import Cost, CostPart
from jobruns_sdk.costs.prices import PriceTable
from jobruns_sdk.costs.summary import CostRow, GroupBy

__all__ = ["Cost", "CostPart", "CostRow", "GroupBy", "PriceTable"]
