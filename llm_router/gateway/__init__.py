"""The gateway: clients that speak a vendor's HTTP API are routed without knowing it."""
