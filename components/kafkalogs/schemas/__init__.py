"""The schema of log events, the registry that holds it, and its registration."""
