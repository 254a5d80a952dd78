"""The service in the background: where it is, started and stopped, begun at login, and what clients need to reach it."""
