"""The names of the conventions are those of OpenTelemetry's own package; all others are this package's."""

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest
from botocore.loaders import create_loader
from opentelemetry.semconv import schemas
from opentelemetry.semconv.attributes import error_attributes, server_attributes

from jobruns_sdk import Service
from jobruns_sdk.telemetry import names

_BETA: Final = "opentelemetry.semconv._incubating"
aws_attributes, cloud_attributes, rpc_attributes, rpc_metrics = (
    import_module(f"{_BETA}.{name}")
    for name in (
        "attributes.aws_attributes",
        "attributes.cloud_attributes",
        "attributes.rpc_attributes",
        "metrics.rpc_metrics",
    )
)
CONVENTIONS: Final[dict[str, ModuleType]] = {
    "RPC_SYSTEM_NAME": rpc_attributes,
    "RPC_METHOD": rpc_attributes,
    "CLOUD_REGION": cloud_attributes,
    "AWS_REQUEST_ID": aws_attributes,
    "SERVER_ADDRESS": server_attributes,
    "ERROR_TYPE": error_attributes,
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_an_attribute_is_named_as_the_conventions_have_it(name: str) -> None:
    assert getattr(names, name) == getattr(CONVENTIONS[name], name)


def test_the_metric_is_named_as_the_conventions_have_it() -> None:
    assert rpc_metrics.RPC_CLIENT_CALL_DURATION == names.CALL_DURATION


def test_no_name_is_deprecated() -> None:
    for name, module in CONVENTIONS.items():
        with open(str(module.__file__), encoding="utf-8") as file:  # noqa: PTH123  # of a module
            (said,) = re.findall(rf'^{name}: Final = .*\n"""(.*?)"""', file.read(), re.DOTALL | re.MULTILINE)
        assert "Deprecated" not in said


def test_the_schema_is_one_that_the_package_knows() -> None:
    assert {schema.value for schema in schemas.Schemas} >= {names.SCHEMA_URL}


def test_what_is_in_no_convention_is_named_after_this_package() -> None:
    texts = {name: value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}
    own = {name: text for name, text in texts.items() if name not in {*CONVENTIONS, "CALL_DURATION", "SYSTEM"}}
    assert len(own) > 20
    assert {text for text in own.values() if not text.startswith("jobruns")} == {names.SCHEMA_URL}


def test_the_page_names_them_all() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "observe.md").read_text("utf-8")
    texts = {name: value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}
    told = {name: text for name, text in texts.items() if name not in {"SCHEMA_URL", "SCOPE", "SYSTEM"}}
    assert [text for text in told.values() if f"`{text}`" not in page] == []


@pytest.mark.parametrize("service", Service)
def test_a_service_is_named_as_in_aws_s_models(service: Service) -> None:
    model = create_loader().load_service_model(service, "service-2")
    assert names.span_name(service, "X") == f"{model['metadata']['serviceId']}.X"
    assert names.method(service, "X") == f"{model['metadata']['serviceId']}/X"


def test_a_service_of_an_adapter_is_named_as_its_operations_name_it() -> None:
    assert names.span_name("batch", "ListJobs") == "batch.ListJobs"
