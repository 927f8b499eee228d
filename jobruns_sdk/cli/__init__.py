"""The command ``jobruns``: job runs at a terminal and in shell scripts."""
