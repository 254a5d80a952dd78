"""Paths that nobody sane sends."""

import time

from llm_router.gateway.routes import find


def test_a_path_of_very_many_segments_is_nobodys_at_once():
    before = time.process_time()
    assert find("GET", "/a" * 6_000).route is None
    assert find("POST", "/a" * 6_000 + "/v1/messages").route is None
    assert time.process_time() - before < 0.5


def test_a_prefix_of_several_segments_is_looked_behind():
    assert find("POST", "/a/b/c/d/v1/messages").route.name == "answer"
