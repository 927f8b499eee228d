"""The description of this package that Airflow reads by its entry point."""

from importlib.metadata import version


def get_provider_info() -> dict[str, object]:
    """Return what Airflow lists as a provider, and the link that its pages may show."""
    package = "jobruns-sdk"  # as packaging tools write it: under any other name Airflow itself would not start
    return {
        "package-name": package,
        "name": "Job runs of Glue, EMR Serverless and DataZone",
        "description": "Starts and waits for job runs; all waits of a triggerer share one client and its polls.",
        "versions": [version(package)],
        "extra-links": ["jobruns_sdk.airflow.links.RunLink"],
    }
