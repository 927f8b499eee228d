"""The link from a task to its run's page in the console."""

from typing import TYPE_CHECKING, Any, ClassVar, Final

from jobruns_sdk.airflow.compat import BaseOperatorLink, XCom
from jobruns_sdk.model.refs import RunRef, Service
from jobruns_sdk.services.glue.console import console_url

if TYPE_CHECKING:
    from jobruns_sdk.airflow.compat import BaseOperator

URL_KEY: Final = "job_run_url"


def url_of(ref: RunRef) -> str | None:
    """Return the address of a run's page that lasts; None where there is none, as on EMR Serverless."""
    return console_url(ref) if ref.job.service == Service.GLUE else None


class RunLink(BaseOperatorLink):
    """The button on a task's page that leads to its run in the console of Glue.

    EMR Serverless has no such address that lasts: ``dashboard_url`` returns one that does for an hour.
    """

    name: ClassVar[str] = "Job run"

    def get_link(self, operator: "BaseOperator", *, ti_key: Any) -> str:  # noqa: ANN401, ARG002  # as Airflow calls it
        """Return the address that the task has pushed as ``job_run_url``, else an empty string."""
        url: str | None = XCom.get_value(key=URL_KEY, ti_key=ti_key)
        return url or ""
