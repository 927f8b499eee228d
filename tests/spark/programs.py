"""Programs of their own: a stream that can be killed, and a read on a cluster that finds the data source by itself.

python -m tests.spark.programs stream FOLDER OPTIONS
python -m tests.spark.programs cluster FOLDER OPTIONS
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from tests.spark.kit import in_order, session


def stream(folder: Path, options: dict[str, str]) -> None:
    """Write a stream to parquet files until the end of the process; a batch waits while there is a file ``hold``."""
    hold = folder / "hold"

    def held(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        while hold.exists():
            time.sleep(0.05)
        yield from batches

    spark = session("local[2]", folder)
    frame = spark.readStream.format("jobruns").options(**options).load()
    frame = frame.mapInArrow(held, frame.schema)
    writer = frame.writeStream.format("parquet").option("checkpointLocation", str(folder / "checkpoint"))
    writer.start(str(folder / "runs")).awaitTermination()


def cluster(folder: Path, options: dict[str, str]) -> None:
    """Read on two executors, which are processes of their own, and write the rows as JSON."""
    spark = session("local-cluster[2,1,1024]", folder)
    frame = spark.read.format("jobruns").options(**options).load()
    rows = in_order(frame.toArrow().to_pylist())
    (folder / "rows.json").write_text(json.dumps(rows, default=str), encoding="utf-8")
    spark.stop()


if __name__ == "__main__":
    kind, where, given = sys.argv[1:]
    {"stream": stream, "cluster": cluster}[kind](Path(where), json.loads(given))
