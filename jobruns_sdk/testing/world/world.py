"""All that the local service knows: its jobs, its habits, and the names it gives."""

import hashlib
from dataclasses import dataclass, field

from jobruns_sdk.testing.world.jobs import Job
from jobruns_sdk.testing.world.pages import Tokens

DAY = 86_400_000


@dataclass(slots=True)
class World:
    """The jobs of the three services, and what all operations share. Times are milliseconds."""

    region: str
    account: str
    tokens: Tokens
    glue_retention: int
    exclusive_window: bool = False
    glue: dict[str, Job] = field(default_factory=dict[str, Job])
    applications: dict[str, Job] = field(default_factory=dict[str, Job])
    datazone: dict[str, dict[str, Job]] = field(default_factory=dict[str, dict[str, Job]])
    counter: int = 0

    def new_id(self, service: str) -> str:
        """A new run id in the form that a service gives its ids."""
        self.counter += 1
        digest = hashlib.sha256(f"{service}:{self.counter}".encode()).hexdigest()
        match service:
            case "glue":
                return f"jr_{digest}"
            case "datazone":
                return digest[:16]
            case _:
                return f"00f{digest[:13]}"

    def arn(self, application: str, run_id: str | None = None) -> str:
        """The ARN of an EMR Serverless application or of one of its runs."""
        tail = "" if run_id is None else f"/jobruns/{run_id}"
        return f"arn:aws:emr-serverless:{self.region}:{self.account}:/applications/{application}{tail}"

    @property
    def caller(self) -> str:
        """The ARN under which runs are created."""
        return f"arn:aws:iam::{self.account}:user/local"

    @property
    def role(self) -> str:
        """The ARN of the role under which seeded runs are executed."""
        return f"arn:aws:iam::{self.account}:role/JobRuns"
