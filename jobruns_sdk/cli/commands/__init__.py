"""The commands of ``jobruns``, each imported once it is called."""
