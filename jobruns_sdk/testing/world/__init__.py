"""The simulated services: jobs, their runs, and the lives these have."""
