"""What the window holds, what it sets aside, and how often it is read."""

from __future__ import annotations

import math

import pytest

from zvol.recovery.poll_times import ROUND
from zvol.recovery.read_pace import FOUND, SECONDS, SHARE, UNKNOWN, ReadPace
from zvol.recovery.window import BURST, COUNTED, LATE, SILENCE, SOON, Window
from zvol.recovery.window_size import FIRST, LARGEST


def filled(window: Window, now: float = 0.0, first: int = 0) -> list[int]:
    """Send as many volumes as there is room for; return them."""
    volumes = [*range(first, first + window.room)]
    for volume in volumes:
        window.sent(volume, now)
    return volumes


def known(seconds: float = 1.0, first: int = FIRST) -> Window:
    """Return a window, empty, in which volumes came back after the given seconds."""
    window = Window(first=first)
    for volume in filled(window):
        window.back(volume, seconds)
    assert window.late == max(LATE[0], LATE[1] * seconds)
    return window


def test_there_is_room_again_when_a_volume_is_back() -> None:
    window = Window()
    assert window.room == window.size == FIRST
    filled(window)
    assert (window.room, window.due) == (0, math.inf)
    window.back(0, 0.1)
    assert window.room == 1
    assert window.due < 0.1
    assert 0 not in window
    assert 1 in window
    window.dropped(1)
    assert window.room == 2
    window.back("never sent", 0.1)
    window.dropped("never sent")
    assert window.room == 2


def test_while_nothing_was_ever_back_the_size_doubles_as_the_time_does() -> None:
    window = Window()
    filled(window)
    assert window.silent_at == SILENCE
    for size, at in ((16, SILENCE), (32, 2 * SILENCE), (64, 4 * SILENCE)):
        window.tick(at * 0.99)
        assert window.size == size / 2
        window.tick(at)
        assert window.size == size
    assert window.room == 64 - FIRST
    for _ in range(10):
        window.tick(1000.0)
    assert window.size == LARGEST


def test_volumes_are_set_aside_while_none_comes_back() -> None:
    window = known(1.0)
    size = window.size
    filled(window, 1.0)
    late = 1.0 + window.late
    assert window.silent_at == pytest.approx(late)
    window.tick(late - 0.01)
    assert window.room == 0
    window.tick(late)
    assert (window.size, window.room) == (size, size)
    assert 0 in window
    filled(window, late, first=100)
    window.tick(1.0 + 2 * window.late - 0.01)
    assert window.room == 0
    window.tick(late + 2 * window.late + 0.01)
    assert window.room == size
    window.back(0, late + 10)
    assert 0 not in window
    window.forget()
    assert not [volume for volume in range(200) if volume in window]
    assert window.silent_at == math.inf


def test_never_more_than_the_largest_together() -> None:
    window, sent = known(1.0, first=LARGEST), 0
    for turn in range(5):
        sent += len(filled(window, 10.0**turn, first=1000 * turn))
        window.tick(10.0**turn + window.late * 2**turn + 1)
    assert sent == LARGEST


def test_a_volume_that_many_overtake_takes_no_place() -> None:
    window = Window()
    window.sent("lost", 0.0)
    for number in range(2 * FIRST + 1):
        assert window.room == FIRST - 1
        window.sent(number, 1.0 + number)
        window.back(number, 1.5 + number)
    assert window.room == FIRST
    assert "lost" in window


def test_a_volume_sent_later_is_not_overtaken_by_an_earlier_one() -> None:
    window = Window(first=16)
    volumes = filled(window)
    window.sent("later", 1.0)
    for volume in volumes:
        window.back(volume, 2.0)
    assert window.room == window.size - 1


def test_what_is_timed_decides_the_size() -> None:
    """With 16 under way it is twice as fast as with 8, and with 32 as slow as with 16."""
    window, now, sizes = Window(), 0.0, list[int]()
    for number in range(12):
        sizes.append(window.size)
        volumes = filled(window, now, first=100 * number)
        now += max(1.0, len(volumes) / 16)
        for volume in volumes:
            window.back(volume, now)
    assert [*dict.fromkeys(sizes)][:4] == [8, 16, 32, 23]
    assert max(sizes[-5:]) < 32


def test_a_window_that_is_not_used_says_nothing_about_its_size() -> None:
    window, now = Window(first=64), 0.0
    for number in range(200):
        now += 1.0
        window.sent(number, now)
        window.back(number, now + 0.5)
    assert window.size == 64


def test_the_last_volumes_of_a_trial_are_not_waited_for() -> None:
    window = Window(first=16)
    volumes = filled(window)
    for number, volume in enumerate(volumes, 1):
        assert window.size == (16 if number <= COUNTED * 16 else 32)
        window.back(volume, 1.0)


def test_the_mean_of_the_times_counts() -> None:
    """With twice as many under way every other volume takes longer: a little, or so long that it is not worth it."""
    for much, size in ((2.4, 64), (2.8, 23)):
        window = Window(first=16)
        for volume in filled(window):
            window.back(volume, 1.0)
        volumes = filled(window, 2.0, first=100)
        for volume in volumes[::2]:
            window.back(volume, 3.0)
        filled(window, 3.0, first=200)
        for volume in volumes[1::2]:
            window.back(volume, 2.0 + much)
        assert window.size == size, much


def test_volumes_that_are_dropped_are_not_timed_but_others_are() -> None:
    window = Window()
    for number in range(50):
        window.sent(number, float(number))
        window.dropped(number)
    for number in range(2):
        for volume in filled(window, 100.0 + number, first=100 * number):
            window.back(volume, 100.5 + number)
    assert window.size > FIRST


def test_the_age_of_what_is_under_way_shows_early_that_the_server_is_slow() -> None:
    window, now = Window(), 0.0
    for number in range(5):
        now += 1.0
        for volume in filled(window, now, first=1000 * number):
            window.back(volume, now + 1.0)
    assert window.size >= 64
    now += 1.0
    filled(window, now, first=9000)
    for seconds in (1.0, 3.5):
        window.was_read(now + seconds, 100)
        assert window.size >= 64
    window.was_read(now + 4.0, 100)
    assert window.size == FIRST
    assert window.room < 0


def test_a_few_volumes_that_are_lost_do_not_look_like_a_slow_server() -> None:
    window = known(1.0)
    for number in range(window.size // 8):
        window.sent(f"lost {number}", 1.0)
    filled(window, 100.0, first=100)
    window.was_read(100.5, 100)
    assert window.size > FIRST


def test_the_size_is_sought_although_many_are_set_aside() -> None:
    window = known(1.0)
    size = window.size
    filled(window, 1.0)
    window.tick(1.0 + window.late)
    for volume in filled(window, 10.0, first=100):
        window.back(volume, 11.0)
    assert window.size == 2 * size


def test_an_unclear_answer_halves_it_once_for_all_that_were_in_flight() -> None:
    window = Window(first=64)
    window.unclear(1.0, 2.0, too_many=False)
    window.unclear(1.9, 2.1, too_many=True)
    assert window.size == 32
    window.unclear(2.1, 3.0, too_many=True)
    assert window.size == 16
    for number in range(10):
        window.unclear(4.0 + number, 4.5 + number, too_many=False)
    assert window.size == FIRST
    for number in range(10):
        window.unclear(20.0 + number, 20.5 + number, too_many=True)
    assert window.size == 1


def test_puts_are_spread_once_the_size_has_settled() -> None:
    """What leaves together comes back together, and meanwhile the server has nothing to do."""
    window, now = Window(), 0.0
    for number in range(30):
        volumes = filled(window, now, first=1000 * number)
        assert window.due == math.inf
        now += max(1.0, len(volumes) / 8)
        for volume in volumes:
            window.back(volume, now)
        if window.size == 8 and number > 2:
            break
    now += 100.0
    window.sent("a", now)
    gap = window.late / LATE[1] / window.size / 2
    assert window.due == pytest.approx(now + gap - int(window.size * BURST) * gap)
    window.sent("b", now)
    assert window.due == pytest.approx(now + 2 * gap - int(window.size * BURST) * gap)


def test_while_it_doubles_all_leave_at_once() -> None:
    window = known(1.0)
    for number in range(window.size - 1):
        window.sent(number, 50.0)
        assert window.due <= 50.0


def test_intents_are_recorded_ahead_unless_they_would_wait_for_long() -> None:
    assert Window(first=16).ahead == 16
    assert known(SOON - 0.1).ahead > 0
    assert known(SOON + 0.1).ahead == 0


# ---- reads -----------------------------------------------------------------------------------------------------------
def test_before_anything_is_known_reads_become_rarer() -> None:
    pace = ReadPace()
    assert pace.wait(4, 0.0, 0.0) == UNKNOWN[0]
    assert pace.wait(4, 0.0, 10.0) == UNKNOWN[1] * 10.0


def read_at(rate: float, batch: int = 100) -> ReadPace:
    pace = ReadPace()
    pace.begins(0.0)
    for second in range(1, 20):
        for _ in range(int(rate)):
            pace.found()
        pace.was_read(float(second), batch)
    return pace


def test_each_read_finds_a_few_volumes_back() -> None:
    assert read_at(10).wait(50, 1.5, 0.0) == pytest.approx(FOUND / 10)
    assert read_at(10).wait(150, 3.0, 0.0) == pytest.approx(2 * FOUND / 10), "it takes two requests"
    assert read_at(10, batch=25).wait(50, 3.0, 0.0) == pytest.approx(2 * FOUND / 10)


def test_the_time_between_reads_has_limits() -> None:
    assert read_at(10).wait(50, 0.5, 0.0) == SHARE[1] * 0.5
    assert read_at(100).wait(50, 0.4, 0.0) == SHARE[0] * 0.4
    assert read_at(100).wait(50, 4.0, 0.0) == ROUND
    assert read_at(1000).wait(50, 0.01, 0.0) == SECONDS[0]
    assert read_at(1).wait(500, 100.0, 0.0) == SECONDS[1]


def test_the_pace_of_the_last_volumes_counts() -> None:
    pace = read_at(20)
    for second in range(20, 50):
        pace.found()
        pace.was_read(float(second), 100)
    assert pace.wait(50, 6.0, 0.0) == SECONDS[1]
    for _ in range(30):
        pace.found()
    pace.was_read(50.1, 100)
    assert pace.wait(50, 6.0, 0.0) < SECONDS[1]
