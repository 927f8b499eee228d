"""Programs that run in a process of their own, such as those that fork: the tests' own process has threads."""

import subprocess
import sys


def printed(program: str) -> str:
    """Run a program with all warnings but that of forks; it must end by itself and complain of nothing."""
    forks = "ignore:This process:DeprecationWarning"  # of which Python warns where there are threads, since 3.12
    command = [sys.executable, "-X", "dev", "-W", forks, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603  # our own
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()
