"""What any program on an event loop needs: tasks, a clock, deadlines, a lifetime. It knows nothing of job runs."""
