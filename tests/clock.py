"""A time that stands still until a test moves it."""

import time

NOON = time.mktime((2026, 3, 18, 12, 0, 0, 0, 0, -1))  # a Wednesday


class Clock:
    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now

    def forward(self, seconds):
        self.now += seconds
