"""Every error this package raises on purpose. What a user can fix and what an upstream did are kept apart.

    RouterError
    ├── UsageError           the call itself is wrong                                  exit 2
    │   ├── ConfigError      a configuration file is: file, line, column, key          exit 2
    │   └── RefusedError     an HTTP request is not served: status                     exit 2
    ├── CredentialsError     a key or a login is missing or refused                    exit 3
    ├── NotFoundError        no such model, provider, task or decision                 exit 4
    ├── BudgetError          a cap would break: which, how much, until when            exit 5
    ├── PolicyError          the user's own pin or block forbids it                    exit 2
    └── UpstreamError        one provider failed: kind, status, Retry-After            exit 6
        └── AllFailedError   nobody answered; holds every attempt                      exit 3 to 6

`message` says what happened, `fix` what to do about it: a command or a variable, never a shrug. Neither ever
holds a credential.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llm_router.nouns import Attempt, Decision, FailureKind


class RouterError(Exception):
    code = "internal"
    exit_code = 1

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.decision: Decision | None = None  # set by route, so that a door can point to `explain`

    def as_dict(self) -> dict[str, Any]:
        """The error as every `--json` and every tool shows it."""
        body: dict[str, Any] = {"error": self.message, "code": self.code, "fix": self.fix}
        if self.decision is not None:
            body["decision"] = self.decision.id
        return body


class UsageError(RouterError):
    code = "usage"
    exit_code = 2


class ConfigError(UsageError):
    code = "config"

    def __init__(
        self, message: str, *, fix: str = "", file: str = "", line: int = 0, column: int = 0, key: str = ""
    ) -> None:
        super().__init__(message, fix=fix)
        self.file, self.line, self.column, self.key = file, line, column, key

    def as_dict(self) -> dict[str, Any]:
        place = {"file": self.file, "line": self.line, "column": self.column, "key": self.key}
        return super().as_dict() | place


class RefusedError(UsageError):
    """A server of ours does not serve this HTTP request; `status` says so to the caller (401, 404, 413 ...)."""

    code = "refused"

    def __init__(self, status: int, message: str, *, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.status = status


class CredentialsError(RouterError):
    code = "credentials"
    exit_code = 3


class NotFoundError(RouterError):
    code = "not_found"
    exit_code = 4


class PolicyError(RouterError):
    code = "policy"
    exit_code = 2


class BudgetError(RouterError):
    """Amounts are micro-dollars, `resets_at` Unix seconds."""

    code = "budget"
    exit_code = 5

    def __init__(
        self,
        message: str,
        *,
        fix: str = "",
        budget: str = "",
        cap: int = 0,
        spent: int = 0,
        resets_at: float = 0,
    ) -> None:
        super().__init__(message, fix=fix)
        self.budget, self.cap, self.spent, self.resets_at = budget, cap, spent, resets_at

    def as_dict(self) -> dict[str, Any]:
        facts = {"budget": self.budget, "cap_usd": self.cap / 1e6, "spent_usd": self.spent / 1e6}
        return super().as_dict() | facts | {"resets_at": self.resets_at}


class UpstreamError(RouterError):
    """One provider failed. `status` is its HTTP status, `retry_after_s` what it asked for."""

    code = "upstream"
    exit_code = 6

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        fix: str = "",
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, fix=fix)
        self.kind, self.status, self.retry_after_s = kind, status, retry_after_s

    def as_dict(self) -> dict[str, Any]:
        return super().as_dict() | {"kind": str(self.kind), "status": self.status}


_CREDENTIAL_KINDS = {FailureKind.AUTH, FailureKind.BILLING}
_MISSING_KINDS = {FailureKind.NOT_FOUND}
_LIMIT_KINDS = {FailureKind.RATE_LIMITED, FailureKind.BUDGET, FailureKind.COOLING}


class AllFailedError(UpstreamError):
    def __init__(self, message: str, attempts: Sequence[Attempt], *, fix: str = "") -> None:
        kinds = [a.outcome for a in attempts if isinstance(a.outcome, FailureKind)]
        super().__init__(kinds[-1] if kinds else FailureKind.SERVER_ERROR, message, fix=fix)
        self.attempts = tuple(attempts)
        if kinds and set(kinds) <= _CREDENTIAL_KINDS:
            self.code, self.exit_code = "credentials", CredentialsError.exit_code
        elif kinds and set(kinds) <= _MISSING_KINDS:
            self.code, self.exit_code = "not_found", NotFoundError.exit_code
        elif kinds and set(kinds) <= _LIMIT_KINDS:
            self.code, self.exit_code = "rate_limit", BudgetError.exit_code

    def as_dict(self) -> dict[str, Any]:
        tried = [
            {
                "model": f"{a.provider}/{a.model}",
                "outcome": str(a.outcome),
                "status": a.status,
                "detail": a.detail,
            }
            for a in self.attempts
        ]
        return super().as_dict() | {"attempts": tried}
