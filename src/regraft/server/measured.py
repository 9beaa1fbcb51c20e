"""What is counted for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from regraft.server.gate import Gate

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
IMAGES = (1, 2, 4, 8, 16, 32, 64)


class Measured:
    """One server's figures, in a registry of their own."""

    kind = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = own = CollectorRegistry()
        ProcessCollector(registry=own)
        self.requests = Counter(
            "regraft_requests_total", "Requests answered", ["method", "route", "status"], registry=own
        )
        self.seconds = Histogram(
            "regraft_request_seconds", "Seconds from a request to its answer", ["route"], registry=own, buckets=SECONDS
        )
        self.images = Counter("regraft_images_total", "Images that went through a network", ["model"], registry=own)
        self.batches = Histogram("regraft_batch_images", "Images in a batch", ["model"], registry=own, buckets=IMAGES)
        self.waiting = Gauge("regraft_requests_in_hand", "Requests that wait for an answer", registry=own)
        self.bytes = Gauge("regraft_bytes_in_hand", "Bytes of images that wait for an answer", registry=own)

    def follow(self, gate: Gate) -> None:
        """Say how much is in hand whenever that is asked."""
        self.waiting.set_function(lambda: gate.requests)
        self.bytes.set_function(lambda: gate.bytes)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def batch(self, model: str, images: int) -> None:
        """Count images that went through the network together."""
        self.images.labels(model).inc(images)
        self.batches.labels(model).observe(images)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)
