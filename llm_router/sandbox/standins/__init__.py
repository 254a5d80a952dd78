"""Stand-ins for command-line clients that serve as providers."""
