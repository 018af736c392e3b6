"""The lag follows from positions of the primary, and from when they were asked."""

from api.postgres.lag import Lag


def test_lag() -> None:
    lag = Lag(0.0)
    assert lag.seconds(3.0) == 3.0  # it has never caught up
    lag.note(3.0, position=100, replayed=100)
    assert lag.seconds(3.5) == 0.5
    for at in range(4, 60):  # nothing is written
        lag.note(float(at), position=100, replayed=100)
        assert lag.seconds(at + 0.01) < 0.02
    lag.note(60.0, position=200, replayed=150)
    lag.note(61.0, position=300, replayed=199)
    assert lag.seconds(62.0) == 3.0  # it was last seen to have everything at 59
    lag.note(62.0, position=400, replayed=300)
    assert lag.seconds(62.0) == 1.0  # it has what the primary had at 61
    lag.note(63.0, position=400, replayed=400)
    assert lag.seconds(63.0) == 0.0


def test_positions_of_another_history_are_forgotten() -> None:
    lag = Lag(0.0)
    lag.note(1.0, position=900, replayed=100)
    lag.forget()
    lag.note(5.0, position=300, replayed=250)
    assert lag.seconds(5.0) == 5.0
    lag.note(6.0, position=300, replayed=300)
    assert lag.seconds(6.0) == 0.0
