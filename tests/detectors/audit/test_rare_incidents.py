"""What belongs to one incident, and which repeats are no news."""

from detectors.audit.rare_incidents import REMEMBERED, Incidents
from models.habit import DAY, HOUR


def test_incidents_are_bounded_and_what_finds_no_room_is_counted() -> None:
    known = Incidents()
    told = [known.occurrence(f"ns/{n}", "op", 13.0, True, n, f"e{n}") for n in range(REMEMBERED + 5)]
    assert told == [f"e{n}" for n in range(REMEMBERED + 5)]
    assert (len(known.open), len(known.quiet), known.dropped) == (REMEMBERED, REMEMBERED, 10)


def test_a_repeat_that_scores_much_higher_opens_an_incident() -> None:
    known = Incidents()
    assert known.occurrence("ns/a", "op", 13.0, True, 0, "first") == "first"
    assert known.occurrence("ns/a", "op", 15.9, False, DAY, "same") == ""
    assert known.occurrence("ns/a", "op", 16.0, False, DAY, "more") == "more"
    assert known.occurrence("ns/a", "op", 13.0, False, 9 * DAY, "late") == "late"


def test_what_is_over_makes_room() -> None:
    known = Incidents()
    for n in range(REMEMBERED):
        known.occurrence(f"ns/{n}", "op", 13.0, True, n, f"e{n}")
    assert known.occurrence("ns/late", "op", 13.0, True, 8 * DAY, "late") == "late"
    assert (list(known.open), list(known.quiet), known.dropped) == (["ns/late"], ["ns/late op"], 0)


def test_six_hours_count_from_the_first_event() -> None:
    known = Incidents()
    assert known.occurrence("ns/a", "op", 13.0, True, 0, "first") == "first"
    assert known.occurrence("ns/a", "other", 13.0, False, 6 * HOUR, "in time") == "first"
    assert known.occurrence("ns/a", "third", 13.0, False, 6 * HOUR + 1, "later") == "later"
