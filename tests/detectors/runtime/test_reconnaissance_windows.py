"""What counts as one burst of looking around: span, order of arrival, and whose commands add up."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from detectors.examples import SHOP, START, fired
from detectors.replay import findings
from detectors.runtime.reconnaissance_burst import reconnaissance_burst
from events import RuntimeEvent
from tests.detectors.runtime.lines import run

LOOKING = ("/usr/bin/id", "/usr/bin/uname -a", "/usr/bin/cat /etc/passwd", "/usr/bin/ps aux", "/usr/bin/netstat -an")


def events(lines: tuple[str, ...], step: float = 1, **fields: Any) -> list[RuntimeEvent]:
    return [run(line, at=at * step, **fields) for at, line in enumerate(lines)]


def moved(event: RuntimeEvent, **fields: Any) -> RuntimeEvent:
    return msgspec.structs.replace(event, **fields)


def test_nodes_and_clusters_do_not_add_up() -> None:
    nameless = msgspec.structs.replace(SHOP, id="", pod="")
    for place in (SHOP, nameless, None):
        looking = events(LOOKING, container=place, auid=1000)
        by_cluster = [moved(event, cluster=f"c{at % 2}") for at, event in enumerate(looking)]
        assert fired(reconnaissance_burst, *by_cluster) == []
        if place is not SHOP:
            by_node = [moved(event, node=f"node-{at % 2}") for at, event in enumerate(looking)]
            assert fired(reconnaissance_burst, *by_node) == []


def test_sessions_of_one_login_do_not_add_up_where_the_sensor_tells_them() -> None:
    one = events(LOOKING[:3], container=None, auid=1000, session=7)
    other = events(LOOKING[3:], container=None, auid=1000, session=8)
    assert fired(reconnaissance_burst, *one, *other) == []
    assert fired(reconnaissance_burst, *one, *events(LOOKING[3:], container=None, auid=1000, session=7)) == ["node-1"]


@given(st.permutations(range(10)))
def test_whatever_the_order_of_arrival_two_bursts_are_two_findings(order: list[int]) -> None:
    stream = events(LOOKING) + [run(line, at=400 + at) for at, line in enumerate(LOOKING)]
    found = findings(reconnaissance_burst, [stream[place] for place in order])
    assert [finding.match.occurrence for finding in found] == [stream[0].event_id, stream[5].event_id]
    assert [len(finding.evidence) for finding in found] == [5, 5]


def test_one_burst_is_one_finding_however_long_it_goes_on_and_lists_all_commands() -> None:
    more = ("/usr/bin/whoami", "/usr/bin/mount", "/usr/bin/env", "/usr/sbin/ip a")
    stream = [run(line, at=at * 60) for at, line in enumerate((LOOKING + more) * 3)]
    found = findings(reconnaissance_burst, stream)
    assert {finding.match.occurrence for finding in found} == {stream[0].event_id}
    assert len(found[-1].match.fields["commands"]) == 9
    told = [one.event_id for finding in found for one in finding.evidence]
    assert told == [event.event_id for event in stream]


def test_at_five_minutes_it_still_counts_and_a_microsecond_later_not() -> None:
    *first, last = events(LOOKING)
    assert fired(reconnaissance_burst, *first, moved(last, time=START + 300_000_000))
    assert fired(reconnaissance_burst, *first, moved(last, time=START + 300_000_001)) == []


def test_what_two_sensors_report_is_one_command() -> None:
    four = events(LOOKING[:4])
    again = [moved(event, sensor="falco", event_id=f"{event.event_id}-falco") for event in four]
    assert fired(reconnaissance_burst, *four, *again) == []


def test_a_repeated_record_changes_nothing() -> None:
    stream = events(LOOKING)
    assert findings(reconnaissance_burst, stream * 2) == findings(reconnaissance_burst, stream)


def test_five_of_three_categories_fire_once() -> None:
    assert fired(reconnaissance_burst, *events(LOOKING)) == ["shop/0123456789ab"]
    assert fired(reconnaissance_burst, *events(LOOKING + LOOKING)) == ["shop/0123456789ab"]


def test_the_order_of_arrival_does_not_matter() -> None:
    assert fired(reconnaissance_burst, *reversed(events(LOOKING))) == ["shop/0123456789ab"]


def test_exactly_the_span_still_fires() -> None:
    assert fired(reconnaissance_burst, *events(LOOKING, step=75))


def test_without_an_id_the_pods_keep_their_containers_apart() -> None:
    first, second = (msgspec.structs.replace(SHOP, id="", pod=pod) for pod in ("a", "b"))
    assert fired(reconnaissance_burst, *events(LOOKING, container=first)) == ["shop/web"]
    apart = events(LOOKING[:3], container=first) + events(LOOKING[3:], container=second)
    assert fired(reconnaissance_burst, *apart) == []


def test_different_containers_do_not_add_up() -> None:
    other = msgspec.structs.replace(SHOP, id="ba9876543210")
    halves = events(LOOKING[:3]) + events(LOOKING[2:], container=other)
    assert fired(reconnaissance_burst, *halves) == []


def test_on_a_host_a_login_is_a_session() -> None:
    assert fired(reconnaissance_burst, *events(LOOKING, container=None, auid=1000)) == ["node-1"]
    apart = events(LOOKING[:3], container=None, auid=1000) + events(LOOKING[3:], container=None, auid=1001)
    assert fired(reconnaissance_burst, *apart) == []


def test_where_the_place_is_unknown_it_counts_by_node() -> None:
    unknown = [msgspec.structs.replace(event, on_host=None) for event in events(LOOKING, container=None)]
    assert fired(reconnaissance_burst, *unknown) == ["node-1"]
