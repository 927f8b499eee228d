"""The pytest plugin, in test runs of its own: both modes of pytest-asyncio, options, and what it loads."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from subprocess import CompletedProcess
from textwrap import dedent
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
TESTS: Final = """
    import pytest

    @MARK
    async def test_a_client_is_open(jobruns_local, jobruns_client):
        jobruns_local.add_glue_job("etl")
        jobruns_local.add_runs("glue:etl", 3)
        assert len(await jobruns_client.glue("etl").runs().collect()) == 3
        assert jobruns_local.calls("GetJobRuns") == 1

    def test_a_client_is_open_without_an_event_loop(jobruns_local, jobruns_sync_client):
        jobruns_local.add_glue_job("etl")
        assert jobruns_sync_client.glue("etl").runs().collect() == []

    @pytest.mark.jobruns_local(region_name="eu-west-1", check=True)
    def test_the_service_takes_options(jobruns_local):
        assert jobruns_local.environment["AWS_REGION"] == "eu-west-1"

    def test_each_test_has_its_own_service(jobruns_local):
        assert jobruns_local.calls() == 0
"""


def run_pytest(target: Path, *options: str) -> CompletedProcess[str]:
    """A test run of a folder or file, with the plugin whether or not the package is installed."""
    installed = entry_points(group="pytest11", name="jobruns")
    plugin = [] if installed else ["-p", "jobruns_sdk.testing.plugin"]
    settings = ["-W", "error", "--strict-markers", "-o", "asyncio_default_fixture_loop_scope=function"]
    arguments = ["-q", *plugin, *settings, *options, str(target)]
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import pytest; sys.exit(pytest.main({arguments!r}))"
    return run(program, target if target.is_dir() else target.parent)


def run(program: str, folder: Path) -> CompletedProcess[str]:
    """Run a program in a folder, in an interpreter of its own."""
    command = [sys.executable, "-c", dedent(program)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603  # ours


@pytest.mark.parametrize(
    ("mode", "mark"), [("strict", "pytest.mark.asyncio"), ("auto", "pytest.mark.filterwarnings('error')")]
)
def test_it_works_with_pytest_asyncio_in_both_modes(tmp_path: Path, mode: str, mark: str) -> None:
    (tmp_path / "test_it.py").write_text(dedent(TESTS).replace("MARK", mark))
    done = run_pytest(tmp_path, "-o", f"asyncio_mode={mode}")
    assert "4 passed" in done.stdout, done.stdout


@pytest.mark.parametrize("usual", ["function", "session"])
def test_a_client_is_open_in_the_loop_that_its_test_runs_in(tmp_path: Path, usual: str) -> None:
    program = """
        import pytest

        class Tests:
            async def test_one(self, jobruns_local, jobruns_client):
                jobruns_local.add_glue_job("etl")
                assert await jobruns_client.glue("etl").runs().collect() == []

            async def test_another(self, jobruns_client):
                assert await jobruns_client.jobs("glue").collect() == []

        TestUsual = pytest.mark.asyncio(type("TestUsual", (Tests,), {}))
        for loop in ("function", "class", "module", "package", "session"):
            name = f"Test{loop}"
            globals()[name] = pytest.mark.asyncio(loop_scope=loop)(type(name, (Tests,), {}))
    """
    (tmp_path / "test_it.py").write_text(dedent(program))
    done = run_pytest(tmp_path, "-o", f"asyncio_default_test_loop_scope={usual}")
    assert "12 passed" in done.stdout, done.stdout


def test_it_is_there_without_pytest_asyncio(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test(jobruns_local):\n    assert jobruns_local.url\n")
    command = run_pytest(tmp_path, "-p", "no:asyncio", "-o", "addopts=", "-W", "ignore::pytest.PytestConfigWarning")
    assert "1 passed" in command.stdout, command.stdout


def test_it_loads_nothing_that_a_test_run_does_not_need_anyway(tmp_path: Path) -> None:
    program = f"""
        import sys
        sys.path.insert(0, {str(ROOT)!r})
        import pytest
        before = set(sys.modules)
        import jobruns_sdk.testing.plugin
        print(sorted(name for name in set(sys.modules) - before))
    """
    done = run(program, tmp_path)
    assert done.stdout.strip() == "['jobruns_sdk', 'jobruns_sdk.testing', 'jobruns_sdk.testing.plugin']"


BY_NAMES: Final = {
    "entry points": ["-p", "asyncio", "-p", "jobruns"],
    "modules": ["-p", "pytest_asyncio.plugin", "-p", "jobruns_sdk.testing.plugin"],
    "modules, ours first": ["-p", "jobruns_sdk.testing.plugin", "-p", "pytest_asyncio.plugin"],
}


@pytest.mark.parametrize("names", BY_NAMES.values(), ids=BY_NAMES)
def test_plugins_may_be_named_by_entry_point_or_module(tmp_path: Path, names: list[str]) -> None:
    """Where none is loaded by itself: PYTEST_DISABLE_PLUGIN_AUTOLOAD."""
    (tmp_path / "test_it.py").write_text(dedent(TESTS).replace("MARK", "pytest.mark.asyncio"))
    options = ["-q", "-W", "error", "-o", "asyncio_default_fixture_loop_scope=function", *names, str(tmp_path)]
    program = f"""
        import os, sys
        sys.path.insert(0, {str(ROOT)!r})
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        import pytest
        sys.exit(pytest.main({options!r}))
    """
    done = run(program, tmp_path)
    assert "4 passed" in done.stdout, done.stdout


@pytest.mark.parametrize("mode", ["strict", "auto", "no pytest-asyncio"])
def test_a_client_is_open_in_a_test_that_anyio_runs(tmp_path: Path, mode: str) -> None:
    program = """
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.anyio
        async def test_anyio(jobruns_local, jobruns_client):
            jobruns_local.add_glue_job("etl")
            assert await jobruns_client.glue("etl").runs().collect() == []

        @pytest.mark.anyio
        class TestInAClass:
            async def test_anyio(self, jobruns_client):
                assert await jobruns_client.jobs("glue").collect() == []
    """
    (tmp_path / "test_it.py").write_text(dedent(program))
    without = ["-p", "no:asyncio", "-W", "ignore::pytest.PytestConfigWarning"]
    done = run_pytest(tmp_path, *(without if mode.startswith("no") else ["-o", f"asyncio_mode={mode}"]))
    assert "2 passed" in done.stdout, done.stdout
