"""Survivors that no test can kill, each with the reason."""

from collections.abc import Mapping
from typing import Final

from tests.mutation.running import Survivor

_BY_DEFAULT: Final = "the default is the same"
_SHORT: Final = "if after is None or (not start.seeking and not self._doubted"
_SHORTCUT: Final = "a search that is not needed finds the same"
_ONE_LANE: Final = "one reader merged is that reader"
_OPTIONS: Final = "for name, value in options.items() if value is not None)"
_QUERY: Final = '+ (f"?{query}" if query else "")'
_SAFE: Final = "letters are never escaped"
_NO_ID: Final = "only rows with an id come here"

EQUIVALENT: Final[Mapping[Survivor, str]] = {
    Survivor(
        "services/glue/translate._usage",
        'return Usage(None, None, None, row.DPUSeconds / _SECONDS_PER_HOUR, "consumed")',
        "return Usage(None, None, None, row.DPUSeconds / _SECONDS_PER_HOUR, )",
    ): _BY_DEFAULT,
    Survivor(
        "services/glue/translate.run_from_attempts",
        'number = root_and_number(last.Id or "")[1]',
        'number = root_and_number(last.Id or "XXXX")[1]',
    ): "neither text is the id of a retry",
    Survivor(
        "services/glue/translate._capacity_of_workers",
        'factor = _DPUS.get(row.WorkerType or "")',
        'factor = _DPUS.get(row.WorkerType or "XXXX")',
    ): "neither text is a type of workers",
    Survivor(
        "services/glue/retries.RetryFold.add",
        'root, number = root_and_number(row.Id or "")',
        'root, number = root_and_number(row.Id or "XXXX")',
    ): _NO_ID,
    Survivor(
        "paging/cursor._armoured",
        'return base64.urlsafe_b64encode(raw).decode().rstrip("=")',
        'return base64.urlsafe_b64encode(raw).decode().rstrip("XX=XX")',
    ): "what ends with the bracket of a JSON list never ends with an X",
    Survivor(
        "paging/merge.Merged._drain",
        "self._hungry[index] = None",
        'self._hungry[index] = ""',
    ): "a dict that serves as an ordered set",
    Survivor(
        "transport/pace.PaceKeeper.__init__",
        'self._at = float("-inf")',
        'self._at = float("-INF")',
    ): "Python reads both",
    Survivor(
        "transport/quotas.backoff",
        "return chance * min(_BACKOFF_LIMIT, _BACKOFF_BASE * 2.0 ** min(failures - 1, 32))",
        "return chance * min(_BACKOFF_LIMIT, _BACKOFF_BASE * 2.0 ** min(failures - 1, 33))",
    ): "the limit is met long before",
    Survivor(
        "model/refs._text_form",
        f"""query = "&".join(f"{{name}}={{quote(value, safe='')}}" {_OPTIONS}""",
        f"""query = "&".join(f"{{name}}={{quote(value, safe='XXXX')}}" {_OPTIONS}""",
    ): _SAFE,
    Survivor(
        "model/refs._text_form",
        f"""return f"{{job.service}}:{{'/'.join(quote(name, safe='') for name in names)}}" {_QUERY}""",
        f"""return f"{{job.service}}:{{'/'.join(quote(name, safe='XXXX') for name in names)}}" {_QUERY}""",
    ): _SAFE,
    Survivor(
        "paging/encoded.EncodedRows.__init__",
        'self._positions = array("L", [index[id(row)] for row in wanted])',
        'self._positions = array("l", [index[id(row)] for row in wanted])',
    ): "no page has 2^63 rows",
    Survivor(
        "paging/pages.Walk._arrange",
        "return Merged(readers) if len(readers) > 1 else Single(readers)",
        "return Merged(readers) if (len(readers) > 1) or True else Single(readers)",
    ): _ONE_LANE,
    Survivor(
        "paging/pages.Walk._arrange",
        "return Merged(readers) if len(readers) > 1 else Single(readers)",
        "return Merged(readers) if len(readers) >= 1 else Single(readers)",
    ): _ONE_LANE,
    Survivor(
        "paging/reader.SourceReader._enter",
        "if keep_decoded is not None and len(wanted) > keep_decoded:",
        "if keep_decoded is not None and len(wanted) >= keep_decoded:",
    ): "as many rows as are kept decoded are kept decoded",
    Survivor(
        "paging/reader.SourceReader._enter",
        'self._ranks = array("d", map(self._kind.rank, wanted))',
        'self._ranks = array("d", )',
    ): "a rank that is not kept is computed again",
    Survivor(
        "paging/reader.SourceReader._rows_after",
        "first = self._kind.when(rows[0]) if rows else None",
        "first = None",
    ): _SHORTCUT,
    Survivor(
        "paging/reader.SourceReader._rows_after",
        "first = self._kind.when(rows[0]) if rows else None",
        "first = self._kind.when(rows[0]) if (rows) and False else None",
    ): _SHORTCUT,
    Survivor(
        "paging/reader.SourceReader._rows_after",
        f"{_SHORT} and self._kind.is_beyond(first, after.when)):",
        f"{_SHORT} and self._kind.is_beyond(None, after.when)):",
    ): _SHORTCUT,
    Survivor(
        "paging/reader.SourceReader._rows_after",
        f"{_SHORT} and self._kind.is_beyond(first, after.when)):",
        f"{_SHORT} and self._kind.is_beyond(first, None)):",
    ): _SHORTCUT,
}
