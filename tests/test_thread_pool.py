"""Blocks side by side: results in their order, errors at their place, few in work at once, and the same bits for any number of workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from disttrain.families import activation_for, build
from disttrain.model.inference import raw_in_blocks
from disttrain.networks import Conditions, Layout, Network, Output
from disttrain.thread_pool import in_order, one_thread_each


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch use `number` threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


workers = pytest.mark.parametrize("number", [1, 2, 3])


@workers
def test_results_come_in_the_order_of_the_items_whoever_is_first(number):
    def late(item: int) -> int:
        time.sleep(0.01 * (item % 3 == 0))
        return item

    with threads(number):
        assert list(in_order(late, range(20))) == list(range(20))


@workers
def test_each_item_is_computed_on_one_thread_and_with_the_gradient_mode_of_the_caller(number):
    with threads(number), torch.no_grad():
        assert set(in_order(lambda _: (torch.get_num_threads(), torch.is_grad_enabled()), range(6))) == {(1, False)}
        assert torch.get_num_threads() == number
        assert list(in_order(lambda _: list(in_order(str, range(3))), range(2))) == [["0", "1", "2"]] * 2


@workers
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_first_error_is_raised_behind_the_results_before_it(number, error):
    begun = []

    def broken(item: int) -> int:
        begun.append(item)
        if item in (3, 4):
            raise error(str(item))
        return item

    results = []
    with threads(number):
        with pytest.raises(error, match="3"):
            results.extend(in_order(broken, range(100)))
        assert torch.get_num_threads() == number
    assert results == [] or results == [0, 1, 2]
    assert max(begun) <= 3 + number + 1


@workers
def test_an_interrupt_of_the_consumer_leaves_no_work_behind(number):
    before = threading.active_count()
    with threads(number):
        results = in_order(lambda item: time.sleep(0.001) or item, range(1000))
        assert next(results) == 0
        with pytest.raises(KeyboardInterrupt):
            results.throw(KeyboardInterrupt)
    assert threading.active_count() == before


@workers
def test_no_more_items_are_taken_than_workers_and_one(number):
    taken, given = 0, 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(30):
            taken += 1
            yield item

    with threads(number):
        for _ in in_order(lambda item: item, items()):
            given += 1
            assert taken - given <= number + 1


def test_inside_one_thread_each_there_are_as_many_workers_as_torch_had_threads():
    together = threading.Barrier(3)

    def meet(item: int) -> int:
        together.wait(timeout=30)
        assert [torch.get_num_threads(), *in_order(lambda part: part, range(2))] == [1, 0, 1]
        return item

    with threads(3):
        with one_thread_each(), one_thread_each():
            assert torch.get_num_threads() == 1
            assert list(in_order(meet, range(6))) == list(range(6))
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3


def test_forecasts_are_the_same_bits_for_any_number_of_workers():
    family = build("normal", {})
    outputs = tuple(Output(parameter, activation_for(parameter)) for parameter in family.parameters)
    network = Network(Layout(5, (), (32, 32), "silu", members=2), outputs, torch.Generator().manual_seed(1))
    x = torch.randn(10_000, 5, generator=torch.Generator().manual_seed(2))
    forecasts = []
    for number in (1, 2, 5):
        with threads(number):
            forecasts.append(raw_in_blocks(network, x, Conditions()))
    for other in forecasts[1:]:
        assert all(torch.equal(forecasts[0][name], other[name]) for name in forecasts[0])
