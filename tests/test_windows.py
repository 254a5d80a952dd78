from __future__ import annotations

import subprocess
import sys
import time

import pytest

from llm_router.windows import bounds, local_text


def at(*fields):
    return time.mktime((*fields, *(0,) * (6 - len(fields)), 0, 0, -1))


def test_a_day_lasts_from_midnight_to_midnight():
    assert bounds("daily", at(2026, 3, 18, 12)) == (at(2026, 3, 18), at(2026, 3, 19))
    assert bounds("daily", at(2026, 3, 18)) == (at(2026, 3, 18), at(2026, 3, 19))
    assert bounds("daily", at(2026, 12, 31, 23, 59)) == (at(2026, 12, 31), at(2027, 1, 1))


@pytest.mark.parametrize("day", [16, 18, 22])
def test_a_week_lasts_from_monday_to_monday(day):
    assert bounds("weekly", at(2026, 3, day, 12)) == (at(2026, 3, 16), at(2026, 3, 23))


def test_a_week_may_cross_the_year():
    assert bounds("weekly", at(2027, 1, 1)) == (at(2026, 12, 28), at(2027, 1, 4))


def test_a_month_lasts_from_its_first_to_the_next_first():
    assert bounds("monthly", at(2024, 2, 29, 12)) == (at(2024, 2, 1), at(2024, 3, 1))
    assert bounds("monthly", at(2026, 12, 5)) == (at(2026, 12, 1), at(2027, 1, 1))


def test_local_text_names_minutes():
    assert local_text(at(2026, 3, 1)) == "2026-03-01 00:00"


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone cannot be chosen here")
def test_the_day_the_clocks_change_is_shorter_or_longer():
    code = (
        "import time; from llm_router.windows import bounds\n"
        "def hours(m, d):\n"
        "    since, until = bounds('daily', time.mktime((2026, m, d, 12, 0, 0, 0, 0, -1)))\n"
        "    return (until - since) / 3600\n"
        "assert [hours(3, 28), hours(3, 29), hours(10, 25)] == [24, 23, 25], time.tzname"
    )
    zone = {"TZ": "CET-1CEST,M3.5.0,M10.5.0/3"}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=zone)
