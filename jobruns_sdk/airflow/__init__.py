"""Operators, a sensor and a trigger for Airflow, which share one client, and so its polls, in each triggerer.

    from jobruns_sdk.airflow import GlueRunOperator

    GlueRunOperator(task_id="load", job_name="hourly-ingest", aws_conn_id="aws_prod", deferrable=True)

Airflow is imported when one of the names is first asked for. It needs Airflow 2.11 or newer, with the Amazon provider.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobruns_sdk.airflow.connections import AwsSession as AwsSession
    from jobruns_sdk.airflow.connections import session_of as session_of
    from jobruns_sdk.airflow.links import RunLink as RunLink
    from jobruns_sdk.airflow.operators import EmrServerlessRunOperator as EmrServerlessRunOperator
    from jobruns_sdk.airflow.operators import GlueRunOperator as GlueRunOperator
    from jobruns_sdk.airflow.sensors import RunSensor as RunSensor
    from jobruns_sdk.airflow.sharing import shared_client as shared_client
    from jobruns_sdk.airflow.triggers import RunTrigger as RunTrigger

__all__ = [
    "AwsSession",
    "EmrServerlessRunOperator",
    "GlueRunOperator",
    "RunLink",
    "RunSensor",
    "RunTrigger",
    "session_of",
    "shared_client",
]


if not TYPE_CHECKING:  # for a type checker it would stand for every name
    from importlib import import_module
    from typing import Final

    _HOMES: Final = {
        "AwsSession": "connections",
        "EmrServerlessRunOperator": "operators",
        "GlueRunOperator": "operators",
        "RunLink": "links",
        "RunSensor": "sensors",
        "RunTrigger": "triggers",
        "session_of": "connections",
        "shared_client": "sharing",
    }

    def __getattr__(name: str) -> object:
        """Import a name when it is first asked for: Airflow reads what the package provides without the operators."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] != "airflow":
                raise
            raise ModuleNotFoundError(
                "this needs Airflow with its Amazon provider: install the extra, as in "
                "pip install 'jobruns_sdk[airflow]'",
                name=missing.name,
            ) from missing
