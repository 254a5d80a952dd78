"""For all tests: examples that hypothesis makes have no time limit, because a busy machine proves nothing."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
