"""The columns as Spark knows them."""

from collections.abc import Mapping
from typing import Final

import pyarrow as pa
from pyspark.sql.types import (
    DataType,
    DecimalType,
    DoubleType,
    IntegerType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from jobruns_sdk.arrow import ATTEMPT_SCHEMA, RUN_SCHEMA, with_costs, with_native
from jobruns_sdk.spark.options import ReadOptions

_TYPES: Final[Mapping[pa.DataType, DataType]] = {
    pa.string(): StringType(),
    pa.int32(): IntegerType(),
    pa.float64(): DoubleType(),
    pa.timestamp("us", tz="UTC"): TimestampType(),
    pa.decimal128(38, 12): DecimalType(38, 12),
}


def arrow_schema(options: ReadOptions) -> pa.Schema:
    """Return the columns of what the options ask for."""
    schema = RUN_SCHEMA if options.table == "runs" else ATTEMPT_SCHEMA
    schema = schema if options.prices is None else with_costs(schema)
    return with_native(schema) if options.native else schema


def spark_schema(options: ReadOptions) -> StructType:
    """Return the same columns as Spark has them."""
    return StructType([StructField(field.name, _TYPES[field.type]) for field in arrow_schema(options)])
