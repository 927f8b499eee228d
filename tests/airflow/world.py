"""An Airflow of its own, whose AWS is the local service: a home with SQLite, and Airflow's own processes.

Nothing of it is imported here: its processes are started as users start them, and what they do is read from its
database and from the calls that reach the service.
"""

import base64
import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import attrs

from tests.airflow import dags

_ROOT: Final = Path(__file__).resolve().parents[2]
_PATIENCE: Final = 180.0  # seconds until something that is waited for counts as missing: the machine may be busy


def airflow_version() -> tuple[int, ...] | None:
    """Return the version of the Airflow that is installed beside this Python, None if there is none."""
    try:
        return tuple(int(part) for part in version("apache-airflow").split(".")[:2])
    except PackageNotFoundError:
        return None


def connection(url: str, **extra: object) -> str:
    """Return an AWS connection to a local service, as Airflow reads it from the environment."""
    return json.dumps(
        {
            "conn_type": "aws",
            "login": "local",
            "password": "local",
            "extra": {"region_name": "us-east-1", "endpoint_url": url, **extra},
        }
    )


@attrs.define
class Process:
    """A process of Airflow, in a session of its own: it ends with all that it has started.

    Attributes:
        running: The process.
        log: The file with all that it has printed.
    """

    running: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        """Return what it has printed so far."""
        return self.log.read_text("utf-8", errors="replace")

    def terminate(self, patience: float = 60.0) -> None:
        """Ask it to end, as a service manager does, and wait until it has."""
        if self.running.poll() is None:
            self.running.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.running.wait(patience)
        self.kill()

    def kill(self) -> None:
        """End it and all that it has started, without asking."""
        with suppress(ProcessLookupError):
            os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait()


class Airflow:
    """One home of Airflow: its settings, its DAGs, its database and its processes, which end with it."""

    def __init__(self, home: Path, url: str, settings: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.processes: list[Process] = []
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "AWS_"))},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(_ROOT),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            "AIRFLOW_CONN_AWS_DEFAULT": connection(url),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(home / "aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(home / "aws-credentials"),
            "NO_PROXY": "127.0.0.1,localhost",
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(
                os.urandom(32)
            ).decode(),  # the same for all processes
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
            **(settings or {}),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self.processes:
            process.kill()

    def write_dag(self, name: str, text: str) -> None:
        """Put a file into the folder of DAGs."""
        folder = self.home / "dags"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(dags.for_this_airflow(text), "utf-8")

    def run(self, *arguments: str, check: bool = True, timeout: float = _PATIENCE) -> subprocess.CompletedProcess[str]:
        """Run a command of Airflow to its end; unless `check` is off it must succeed."""
        return self.python("-m", "airflow", *arguments, check=check, timeout=timeout)

    def python(
        self, *arguments: str, check: bool = True, timeout: float = _PATIENCE, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run Python in this Airflow's environment to its end; unless `check` is off it must succeed."""
        done = subprocess.run(  # noqa: S603  # our own
            [sys.executable, *arguments],
            env=self.environment,
            cwd=self.home,
            input=given,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}")
        return done

    def spawn(self, *arguments: str) -> Process:
        """Start a command of Airflow that goes on, such as `triggerer`."""
        log = self.home / f"{arguments[0]}-{len(self.processes)}.log"
        with log.open("wb") as output:
            running = subprocess.Popen(  # noqa: S603  # our own
                [sys.executable, "-m", "airflow", *arguments],
                env=self.environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(running, log)
        self.processes.append(process)
        return process

    def triggerer(self) -> Process:
        """Start a triggerer, and wait until it works."""
        process = self.spawn("triggerer", "--skip-serve-logs")
        self.until(lambda: "Starting the triggerer" in process.text(), "a triggerer at work")
        return process

    def start(self) -> None:
        """Start all that an installation consists of, but what reads DAGs from files: `begin` does that.

        Airflow 3 needs a server besides, which its workers talk to. With SQLite, 2.11 runs one task at a time.
        """
        version = airflow_version()
        if version is not None and version >= (3, 0):
            port = free_port()
            self.environment |= {
                "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
                "AIRFLOW__CORE__PARALLELISM": "4",
                "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            }
            server = self.spawn("api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1")
            self.until(lambda: "Application startup complete" in server.text(), "a server that answers")
        self.spawn("triggerer", "--skip-serve-logs")
        self.spawn("scheduler", "--skip-serve-logs")

    def act(self, *arguments: str, given: str = "") -> str:
        """Do what Airflow's scheduler or users do in its database (see `tests.airflow.acts`)."""
        return self.python("-m", "tests.airflow.acts", *arguments, given=given).stdout

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read from Airflow's database."""
        with closing(sqlite3.connect(f"file:{self.home}/airflow.db?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(query, values).fetchall()

    def states(self, dag: str) -> dict[tuple[str, int], tuple[str | None, int]]:
        """Return the state and the try of each task instance of a DAG, by task and map index."""
        query = "select task_id, map_index, state, try_number from task_instance where dag_id = ?"
        return {(task, index): (state, tries) for task, index, state, tries in self.rows(query, dag)}

    def state(self, dag: str, task: str, index: int = -1) -> str | None:
        """Return the state of an instance of a task, None before it has one."""
        return self.states(dag).get((task, index), (None, 0))[0]

    def wait_for(self, dag: str, task: str, *states: str, index: int = -1) -> None:
        """Wait until an instance of a task is in one of some states."""
        self.until(lambda: self.state(dag, task, index) in states, f"{dag}.{task} in {states}")

    def pushed(self, dag: str, task: str, key: str = "return_value", index: int = -1) -> Any:  # noqa: ANN401  # JSON
        """Return what an instance of a task has pushed, None where it has not."""
        query = "select value from xcom where dag_id = ? and task_id = ? and map_index = ? and key = ?"
        found = self.rows(query, dag, task, index, key)
        return json.loads(found[0][0]) if found else None

    def until(self, holds: Callable[[], object], what: str, patience: float = _PATIENCE) -> None:
        """Look until something holds; else fail with the end of what each process has printed."""
        ends = time.monotonic() + patience
        while not holds():
            if time.monotonic() > ends:
                states = self.rows("select dag_id, task_id, map_index, state, try_number from task_instance limit 50")
                logs = "\n".join(f"== {each.log.name}\n{each.text()[-3000:]}" for each in self.processes)
                raise AssertionError(f"not in {patience:.0f} s: {what}\n{states}\n{logs}")
            time.sleep(0.2)


class Templates:
    """Empty homes, whose database is made once and copied: to make it takes Airflow ten seconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def home(self, name: str, url: str, settings: Mapping[str, str] | None = None) -> Generator[Airflow]:
        """A new home; its processes end with the block."""
        template = self._folder / "template"
        if not template.exists():
            Airflow(_made(template), url).run("db", "migrate")
        home = self._folder / name
        shutil.copytree(template, home, ignore=shutil.ignore_patterns("logs", "airflow.cfg"))
        with Airflow(home, url, settings) as airflow:
            yield airflow


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def free_port() -> int:
    """Return a port of the loopback address that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
