"""Run by the harness before it waits for a request: what takes a second to load is there by then."""

import shutil

# matplotlib wants to write beside its font list, so it gets a copy where it may.
shutil.copytree("/opt/sallyport/matplotlib", "/tmp/matplotlib")

import matplotlib.pyplot  # noqa: E402, F401
import numpy  # noqa: E402, F401
import pandas  # noqa: E402, F401
