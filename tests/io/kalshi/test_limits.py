from __future__ import annotations

import threading
import time

from touchline.io.kalshi.rest.limits import Bucket


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_full_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    clock = Clock()
    bucket = Bucket(200, 400, clock, clock.sleep)
    for _ in range(40):
        bucket.pay(10)
    assert clock.now == 0
    for _ in range(200):
        bucket.pay(10)
    assert abs(clock.now - 10.0) < 1e-9


def test_draining_makes_the_next_wait() -> None:
    clock = Clock()
    bucket = Bucket(100, 100, clock, clock.sleep)
    bucket.drain()
    bucket.pay(10)
    assert abs(clock.now - 0.1) < 1e-9


def test_a_cost_above_the_capacity_waits_for_a_full_bucket_and_leaves_a_debt() -> None:
    clock = Clock()
    bucket = Bucket(100, 100, clock, clock.sleep)
    bucket.pay(100)
    bucket.pay(250)
    assert abs(clock.now - 1.0) < 1e-9
    bucket.pay(10)
    assert clock.now >= 2.5


def test_threads_share_one_rate() -> None:
    bucket = Bucket(1000, 10)

    def spend() -> None:
        for _ in range(10):
            bucket.pay(10)

    began = time.monotonic()
    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= (400 - 10) / 1000 - 0.01


def test_new_figures_apply_at_once() -> None:
    clock = Clock()
    bucket = Bucket(200, 200, clock, clock.sleep)
    bucket.configure(10, 20)
    bucket.pay(20)
    bucket.pay(10)
    assert abs(clock.now - 1.0) < 1e-9
