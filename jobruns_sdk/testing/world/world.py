"""All that the local service knows: the jobs of each region and account, its habits, and the names it gives."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from jobruns_sdk.testing.world.events import Outbox
from jobruns_sdk.testing.world.jobs import Job
from jobruns_sdk.testing.world.logs import Logs
from jobruns_sdk.testing.world.pages import Tokens
from jobruns_sdk.testing.world.queues import Queue

DAY = 86_400_000
ACCOUNT: Final = re.compile(r"[0-9]{12}")

Signer = tuple[str | None, str | None]
"""The access key that a call was signed with, and the region that it was signed for."""


@dataclass(slots=True)
class World:
    """The jobs of the three services in one region of an account, and what operations share. Times are milliseconds.

    `salt` keeps the ids that it makes apart from those of other regions and accounts.
    """

    region: str
    account: str
    tokens: Tokens
    glue_retention: int
    exclusive_window: bool = False
    salt: str = ""
    glue: dict[str, Job] = field(default_factory=dict[str, Job])
    applications: dict[str, Job] = field(default_factory=dict[str, Job])
    datazone: dict[str, dict[str, Job]] = field(default_factory=dict[str, dict[str, Job]])
    logs: Logs = field(default_factory=Logs)
    counter: int = 0
    queues: dict[str, Queue] = field(default_factory=dict[str, Queue])
    outbox: Outbox = field(init=False)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.region, self.account, self.arn, lambda: self.caller, self.salt)

    def new_id(self, service: str) -> str:
        """A new run id in the form that a service gives its ids."""
        self.counter += 1
        digest = hashlib.sha256(f"{self.salt}{service}:{self.counter}".encode()).hexdigest()
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

    def has(self, name: str) -> bool:
        """True if there is a job or a domain of a name."""
        return name in self.glue or name in self.applications or name in self.datazone


class Worlds:
    """A world for each region and account, made when it is first asked for."""

    def __init__(self, home: World) -> None:
        self.home = home
        self._known: dict[tuple[str, str], World] = {(home.account, home.region): home}
        self._seeds: list[Callable[[World], object]] = []

    def at(self, account: str, region: str) -> World:
        """The world of an account and region."""
        world = self._known.get((account, region))
        if world is None:
            home = self.home
            world = World(
                region,
                account,
                replace(home.tokens, salt=(salt := f"{account}:{region}:")),
                home.glue_retention,
                home.exclusive_window,
                salt,
            )
            self._known[account, region] = world
            for seed in self._seeds:
                seed(world)
        return world

    def of(self, signer: Signer) -> World:
        """The world that a call is meant for: twelve digits as access key name its account, any others the home."""
        key, region = signer
        account = self.home.account if key is None or ACCOUNT.fullmatch(key) is None else key
        return self.at(account, self.home.region if region is None else region)

    def everywhere(self, seed: Callable[[World], object]) -> None:
        """Call a function for every world: now for those that are there, for others when they are made."""
        self._seeds.append(seed)
        for world in list(self._known.values()):
            seed(world)

    def others_with(self, name: str, but: World) -> list[World]:
        """The other worlds that have a job or a domain of a name."""
        return [world for world in self._known.values() if world is not but and world.has(name)]
