"""The one HTTP client of the gateway's hot path: bytes to an upstream, bytes back, nothing understood."""
