"""The division of jobs among tasks: by quota domain, so that more tasks never mean more calls a second."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from itertools import zip_longest

import attrs

from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.spark.access import Access, Domain


@attrs.frozen
class Share:
    """The part of the work that one task does.

    Attributes:
        jobs: The jobs, those of several domains by turns.
        parts: How many tasks share the quotas of their domains.
    """

    jobs: tuple[JobRef, ...]
    parts: int = 1


def plan(jobs: Iterable[JobRef], tasks: int | None, access: Access) -> list[Share]:
    """Divide jobs among tasks.

    A domain is one task, unless told otherwise. With fewer tasks than domains, a task reads several domains, each as
    fast as its quotas allow. With more, domains are divided by jobs, and with them their quotas.
    """
    domains: defaultdict[Domain, list[JobRef]] = defaultdict(list)
    for job in jobs:
        domains[access.domain(job)].append(job)
    groups = [domains[domain] for domain in sorted(domains)]
    if tasks is not None and tasks < len(groups):
        return _gathered(groups, tasks)
    return _divided(groups, tasks or len(groups), [access.most_parts(domain.service) for domain in sorted(domains)])


def _gathered(groups: Sequence[list[JobRef]], tasks: int) -> list[Share]:
    loads: list[tuple[int, int, list[list[JobRef]]]] = [(0, index, []) for index in range(tasks)]
    heapify(loads)
    for group in sorted(groups, key=len, reverse=True):
        load, index, held = heappop(loads)
        heappush(loads, (load + len(group), index, [*held, group]))
    return [Share(_by_turns(held)) for _, _, held in sorted(loads, key=lambda load: load[1])]


def _by_turns(groups: Sequence[list[JobRef]]) -> tuple[JobRef, ...]:
    return tuple(job for turn in zip_longest(*groups) for job in turn if job is not None)


def _divided(groups: Sequence[list[JobRef]], tasks: int, most: Sequence[int | None]) -> list[Share]:
    parts = [1] * len(groups)
    limits = [min(len(group), limit or len(group)) for group, limit in zip(groups, most, strict=True)]
    for _ in range(tasks - len(groups)):
        loads = [
            (len(group) / part, -index)
            for index, (group, part, limit) in enumerate(zip(groups, parts, limits, strict=True))
            if part < limit
        ]
        if not loads:
            break
        parts[-max(loads)[1]] += 1
    return [
        Share(tuple(group[first::part]), part)
        for group, part in zip(groups, parts, strict=True)
        for first in range(part)
    ]
