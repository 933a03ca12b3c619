"""What is to be done later. All durations of this shop are in seconds of the gateway's time; against a simulator whose
time runs faster, TIME_SCALE says how many of them pass in one real second."""

import heapq
import itertools
import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

SCALE = float(os.environ.get("TIME_SCALE", "1"))
if not SCALE > 0:
    raise SystemExit("TIME_SCALE must be a number above 0")


def real(seconds):
    """Real seconds for so many seconds of the gateway's time."""
    return seconds / SCALE


def growing(first, tried):
    """The pause before the next try: doubled with each, up to five minutes."""
    return min(first * 2 ** min(tried, 10), 300)


class Agenda:
    """Runs functions at their time, several at once."""

    def __init__(self):
        self._pool = ThreadPoolExecutor(32)
        self._heap, self._count = [], itertools.count()
        self._changed = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def after(self, seconds, function, *arguments):
        with self._changed:
            entry = (time.monotonic() + real(seconds), next(self._count), function, arguments)
            heapq.heappush(self._heap, entry)
            self._changed.notify()

    def _run(self):
        while True:
            with self._changed:
                while not self._heap:
                    self._changed.wait()
                wait = self._heap[0][0] - time.monotonic()
                if wait > 0:
                    self._changed.wait(wait)
                    continue
                _, _, function, arguments = heapq.heappop(self._heap)
            self._pool.submit(self._guarded, function, arguments)

    @staticmethod
    def _guarded(function, arguments):
        try:
            function(*arguments)
        except Exception:  # nothing that goes on by itself may end the rest
            logging.exception("%s%s", function.__name__, arguments[:1])
