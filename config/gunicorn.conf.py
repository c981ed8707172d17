"""How gunicorn serves the service; every figure comes from the settings."""

import gc

from config import load_settings

_settings = load_settings()

bind = _settings.bind
workers = _settings.web_workers
# A process for each core, of two threads: one waits for the browser or the disk while the other works, and the code
# stays in the core's cache. docs/adr/0002 has the figures.
threads = _settings.web_threads
# A process whose threads do not even take requests any more has hung. Long work goes to the queue, and a page waits
# 25 s for Moodle at most.
timeout = 60
graceful_timeout = 20
keepalive = 5
max_requests = 20_000
max_requests_jitter = 2_000
# The application checks forwarded headers against these addresses too; loopback is always trusted.
forwarded_allow_ips = ",".join(("127.0.0.1", "::1", *_settings.trusted_proxies))
limit_request_field_size = 16_380
# Nobody controls it through a socket; the service manager does.
control_socket_disable = True
accesslog = None
errorlog = "-"


def post_worker_init(_worker: object) -> None:
    """Spare the collector what lives as long as the process: it would walk it again every few hundred requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
