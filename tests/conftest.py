"""Settings of the whole suite."""

from __future__ import annotations

import os

from hypothesis import settings

# Tests run side by side, one a core: more threads each would only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# torch's first call in a process takes longer than hypothesis allows an example by default.
settings.register_profile("ganzoo", deadline=None, max_examples=60)
settings.load_profile("ganzoo")
