"""Tasks, a clock, deadlines and a lifetime for any program on an event loop. Nothing here knows of job runs."""
