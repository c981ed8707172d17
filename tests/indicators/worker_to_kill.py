"""A worker in a process of its own, to be killed by a test: `python -m tests.indicators.worker_to_kill COURSE_ID`."""

import sys
from datetime import timedelta

from config import load_settings
from lti_service import worker
from lti_service.indicators import delivery

LEASE = timedelta(seconds=1)
"""Short, so that the next worker need not wait half a minute."""

if __name__ == "__main__":
    worker.connect(load_settings())
    delivery.deliver(int(sys.argv[1]), lease=LEASE)
