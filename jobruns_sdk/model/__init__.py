"""The values: they know no service and do no I/O."""
