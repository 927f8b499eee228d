"""Programs of their own: a stream that can be killed, and a read on a cluster that finds the data source by itself.

python -m tests.spark.programs stream FOLDER OPTIONS
python -m tests.spark.programs cluster FOLDER OPTIONS
"""

import json
import sys
from pathlib import Path

from tests.spark.kit import in_order, session


def stream(folder: Path, options: dict[str, str]) -> None:
    """Write a stream to parquet files until the end of the process."""
    spark = session("local[2]", folder)
    frame = spark.readStream.format("jobruns").options(**options).load()
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
