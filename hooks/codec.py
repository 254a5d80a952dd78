"""JSON without the `json` package: it imports `re` and `enum`, which double the start of a bare interpreter.

The C parts of CPython's own `json` are used directly; where they are missing or have changed, the package serves.
Code of the hooks uses `loads` and `dumps` of this file and nothing else for JSON.
"""

_CONSTANTS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_BLANK = " \t\n\r"


class _Grammar:
    """The attributes CPython's scanner reads its options from."""

    strict = False  # raw newlines in strings are forgiven: a payload is worth reading
    object_hook = None
    object_pairs_hook = None
    array_hook = None  # since Python 3.15
    parse_float = float
    parse_int = int
    parse_constant = _CONSTANTS.__getitem__
    memo: "dict[str, str]" = {}  # noqa: RUF012 - part of the scanner's interface


def _refuse(value: object) -> object:
    raise TypeError(f"not JSON: {type(value).__name__}")


def _encoder() -> "object":
    return make_encoder({}, _refuse, encode_basestring_ascii, None, ":", ",", False, False, True)


try:
    from _json import encode_basestring_ascii, make_encoder, make_scanner

    _scan = make_scanner(_Grammar)
    _scan("[{}]", 0)
    _encoder()([{}], 0)
except Exception:  # another interpreter than CPython, or a version that wants something else
    _scan = None


def loads(data: "bytes | str") -> object:
    """The value; bytes that are no UTF-8 become replacement characters. ValueError where it is no JSON."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    text = text.lstrip("\ufeff").strip(_BLANK)
    if _scan is None:
        return _package().loads(text, strict=False)
    try:
        value, end = _scan(text, 0)
    except (
        StopIteration,
        SystemError,
    ) as error:  # it looks for its own error in a package that is not loaded
        raise ValueError("no JSON") from error
    if end != len(text):
        raise ValueError("text after the JSON")
    return value


def dumps(value: object) -> str:
    """One line of ASCII: whatever a prompt holds, no byte of it can break a line or an encoding."""
    if _scan is None:
        return _package().dumps(value)
    return "".join(_encoder()(value, 0))


def _package() -> "object":
    import json

    return json
