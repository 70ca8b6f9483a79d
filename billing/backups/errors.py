"""Why there is no backup, or why none was put back."""


class BackupError(Exception):
    """A sentence for whoever runs the command."""
