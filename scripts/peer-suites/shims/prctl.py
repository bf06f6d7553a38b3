"""Stands in for python-prctl in tini's tests."""

import ctypes

_PR_SET_CHILD_SUBREAPER = 36


def set_child_subreaper(value):
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(value), 0, 0, 0)
