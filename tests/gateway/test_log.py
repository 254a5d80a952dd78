"""The service's log on disk."""

import logging

from llm_router.gateway import log
from llm_router.gateway.log import ServiceLog


def test_every_file_of_a_rotated_log_is_the_users_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "LARGEST", 200)
    service_log = ServiceLog(tmp_path, echo=False)
    for n in range(12):
        service_log.emit(logging.makeLogRecord({"msg": f"event {n}", "levelno": logging.INFO}))
    service_log.close()
    files = list((tmp_path / "logs").iterdir())
    assert len(files) > 2
    assert all(each.stat().st_mode & 0o077 == 0 for each in files)
