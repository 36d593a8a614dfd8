"""What peers show."""

import math
import pickle

import msgspec
import pytest

from models.peers import PeerPrior


def test_what_all_show_is_no_news_and_what_none_shows_is() -> None:
    peers = PeerPrior()
    for name in "abcdefghi":
        peers.learn_one(name, [("op", "get"), ("net", name)])
    assert peers.score_one([("op", "get")]) == pytest.approx(-math.log(9.5 / 10))
    assert peers.score_one([("op", "exec")]) == pytest.approx(-math.log(0.5 / 10))
    assert peers.score_one([("op", "exec"), ("net", "a")]) == pytest.approx(-math.log(0.5 / 10) - math.log(1.5 / 10))
    assert peers.score_one([]) == 0.0


def test_one_who_was_forgotten_and_comes_again_never_makes_news_less_than_none() -> None:
    peers = PeerPrior()
    for _ in range(20):
        peers.learn_one("a", [("op", "get")])
    assert peers.score_one([("op", "get")]) == pytest.approx(-math.log(1.5 / 2))


def test_at_the_caps_nothing_is_forgotten_and_what_is_left_out_is_counted() -> None:
    peers = PeerPrior(members_cap=2, cap=2)
    for name in "abc":
        peers.learn_one(name, [("op", "get"), ("net", name)])
    peers.learn_one("a", [("op", "list"), ("op", "watch")])
    assert list(peers.members) == ["a", "b"]
    assert peers.shown == {"op": {"get": 2, "list": 1}, "net": {"a": 1, "b": 1}}
    assert peers.dropped == 2


def test_plain_state_is_a_copy_and_read_again() -> None:
    peers = PeerPrior()
    peers.learn_one("a", [("op", "get")])
    plain = peers.to_plain()
    before = pickle.dumps(plain)
    peers.learn_one("b", [("op", "get"), ("op", "list")])
    assert pickle.dumps(plain) == before
    again = PeerPrior()
    again.learned(plain)
    assert again.to_plain() == plain
    with pytest.raises(msgspec.ValidationError):
        again.learned((("a",), {"op": {"get": "often"}}, 0))


def test_it_is_cloned_as_river_does() -> None:
    peers = PeerPrior(cap=7)
    peers.learn_one("a", [("op", "get")])
    assert (peers.clone().cap, peers.clone().members) == (7, {})
