"""The sandbox's own small HTTP API, for faults on demand from another process.

GET    /_sandbox                    what it is, what it was asked, which faults are in force
GET    /_sandbox/requests           the newest requests, without their bodies
POST   /_sandbox/faults             {"vendor": "gemini", "fault": "status", "status": 429, "retry_after": 60,
                                     "times": 1, "model": "*", "operation": "answer"}
DELETE /_sandbox/faults[/VENDOR]    all of them, or one vendor's
"""

from __future__ import annotations

from llm_router.sandbox.connection import HttpRequest
from llm_router.sandbox.faults import Fault, FaultBook, Placed
from llm_router.sandbox.plain import JsonDict
from llm_router.sandbox.records import Records
from llm_router.sandbox.turn import as_dict

ROOT = "/_sandbox"


def control(request: HttpRequest, faults: FaultBook, records: Records) -> tuple[int, JsonDict]:
    """Status and body of the answer to a request below ROOT."""
    place = request.path.removeprefix(ROOT).strip("/")
    verb = f"{request.method} {place.split('/')[0]}".strip()
    if verb == "GET":
        counts = records.counts()
        requests = {"total": sum(counts.values()), "by_vendor": counts}
        return 200, {"name": "llm-router sandbox", "requests": requests, "faults": faults.as_list()}
    if verb == "GET requests":
        return 200, {"requests": [record.summary() for record in records.all()]}
    if verb == "POST faults":
        try:
            placed = _placed(as_dict(request.json()))
        except (ValueError, TypeError) as error:
            return 400, {"error": str(error)}
        faults.add(placed)
        return 201, placed.as_dict()
    if verb == "DELETE faults":
        faults.clear(place.partition("/")[2] or None)
        return 200, {"faults": faults.as_list()}
    return 404, {"error": f"the sandbox has no {request.method} {request.path}"}


def _placed(body: JsonDict) -> Placed:
    kind, vendor = body.pop("fault", None), body.pop("vendor", None)
    if not isinstance(kind, str) or not isinstance(vendor, str):
        raise ValueError('a fault needs "vendor" and "fault", both texts')  # noqa: TRY004 - answered as 400
    times, model, operation = body.pop("times", None), body.pop("model", "*"), body.pop("operation", "answer")
    if times is not None and (not isinstance(times, int) or times < 1):
        raise ValueError('"times" is a number of requests, or null for all')
    return Placed(vendor, Fault.read(kind, body), times, str(model), str(operation))
