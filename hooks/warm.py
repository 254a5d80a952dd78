"""Loads models into Ollama, in a process of its own that SessionStart leaves behind. Ends by itself, always."""

import os
import threading

import codec

LIMIT_S = 90
_DEFAULT = "http://127.0.0.1:11434"


def main(url: str, *models: str) -> None:
    """A request without a prompt makes Ollama load the model and answer when it is ready."""
    timer = threading.Timer(LIMIT_S, os._exit, (0,))
    timer.daemon = True
    timer.start()
    for model in models:
        try:
            load(url or _DEFAULT, model)
        except (OSError, ValueError):  # no Ollama, no such model: the first request will say so
            return


def load(url: str, model: str) -> int:
    """The HTTP status. OSError when nobody answers, ValueError when `url` is none."""
    import http.client
    import urllib.parse

    parts = urllib.parse.urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an address of Ollama: {url}")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(
        parts.hostname, parts.port or (443 if parts.scheme == "https" else 11434), timeout=LIMIT_S
    )
    try:
        body = codec.dumps({"model": model, "keep_alive": "10m", "stream": False})
        path = parts.path.rstrip("/") + "/api/generate"
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read(1 << 16)
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
    return answer.status
