"""Stands in for the package bitmap in tini's tests, which ask it for the signals that a process ignores."""

# The tests know the names of the first 31 alone. 32 and 33 belong to the C library: where that is glibc, who was started
# by posix_spawn may have them ignored.
_NAMED = 31


class BitMap:
    def __init__(self, bits):
        self.bits = bits

    @classmethod
    def fromstring(cls, bits):
        return cls(bits)

    def nonzero(self):
        return [at for at, bit in enumerate(reversed(self.bits)) if bit == "1" and at < _NAMED]
