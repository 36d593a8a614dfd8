"""Alerts and labels: right, on something else, on what only looks like it, on nothing; found and missed."""

from pathlib import Path

import pytest

from flows.scoring import Label, LabelOrigin, LabelsError, Missed, Raised, Scores, Stretch, place, read_labels, score

FOLDER = "/capture"
NAMES = ("a.jsonl", "b.jsonl")
READ = {f"{FOLDER}/{name}": Stretch(f"here/{name}") for name in NAMES}


def label(episode: str, line: int, *types: str, file: str = "a.jsonl", item: int | None = None, **more: str) -> Label:
    origin = LabelOrigin(file, line, item)
    return Label(f"2026-03-02T00:00:{line:02}Z", origin, episode, alert_types=types, folder=FOLDER, **more)


def alert(alert_type: str, *lines: int, file: str = "a.jsonl") -> Raised:
    return Raised(alert_type, "2026-03-02", frozenset(place(f"{FOLDER}/{file}", line, None) for line in lines))


def scored(
    alerts: list[Raised], labels: list[Label], read: dict[str, Stretch] | None = None, detected: str = "XYZ"
) -> Scores:
    return score(alerts, labels, READ if read is None else read, set(detected))


def test_each_alert_is_one_thing() -> None:
    labels = [
        label("theft", 1, "X"),
        label("theft", 2),
        label("other", 3, "Y"),
        label("work", 4, verdict="ordinary", variant="near_miss"),
    ]
    alerts = [alert("X", 1), alert("X", 2), alert("X", 3), alert("X", 4), alert("X", 9), alert("X", 4, 1)]
    found = scored(alerts, labels).types["X"]
    assert (found.alerts, found.right, found.further, found.near_miss, found.unlabelled) == (6, 3, 1, 1, 1)
    assert found.precision == 0.5
    assert (found.episodes, found.found, found.recall) == (1, 1, 1)


def test_an_episode_is_missed_by_type_and_its_first_event_named() -> None:
    labels = [
        label("theft", 3, "X", "Y", item=2, name="steals", variant="careful", cluster="c"),
        label("theft", 2, cluster="c"),
        label("theft", 5, "X", cluster="c"),
    ]
    found = scored([alert("Y", 2)], labels).types
    assert found["Y"].recall == 1
    assert (found["X"].recall, found["X"].precision) == (0, None)
    assert found["X"].missed == (Missed("steals", "theft", "careful", "c", "2026-03-02T00:00:03Z", "here/a.jsonl:3:2"),)


def test_episodes_of_one_name_in_two_clusters_are_two() -> None:
    labels = [label("theft", 1, "X", cluster="c"), label("theft", 2, "X", cluster="d")]
    assert (scored([alert("X", 1)], labels).types["X"].episodes, scored([], labels).types["X"].episodes) == (2, 2)
    assert [one.cluster for one in scored([alert("X", 1)], labels).types["X"].missed] == ["d"]


def test_only_episodes_that_begin_in_what_was_read_count() -> None:
    labels = [
        label("before", 1, "X"),
        label("over", 4, "X"),
        label("over", 5, "X"),
        label("after", 6, "X"),
        label("elsewhere", 6, "X", file="c.jsonl"),
    ]
    read = {f"{FOLDER}/a.jsonl": Stretch("a.jsonl", first=5)}
    found = scored([alert("X", 5)], labels, read)
    assert (found.types["X"].right, found.types["X"].precision) == (1, 1)
    assert [one.episode for one in found.types["X"].missed] == ["after"]
    assert found.types["X"].episodes == 1
    assert (found.begun_before, found.outside) == (1, 1)


def test_where_lines_do_not_tell_what_was_read_time_does() -> None:
    labels = [label("one", 1, "X"), label("two", 2, "X")]
    read = {f"{FOLDER}/a.jsonl": Stretch("a.jsonl", after="2026-03-02T00:00:01Z")}
    assert [one.episode for one in scored([], labels, read).types["X"].missed] == ["two"]


def test_what_nothing_detects_is_not_missed() -> None:
    labels = [label("theft", 1, "X", "Z"), label("theft-2", 2, "Z")]
    found = scored([], labels, detected="X")
    assert set(found.types) == {"X"}
    assert found.without_detector == {"Z": 2}


def test_a_line_with_one_record_has_its_item_or_not() -> None:
    assert place("a", 1, None) == place("a", 1, 0) != place("a", 1, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "line 1"),
        ('{"time":"t","origin":{"path":"a","line":1},"episode":"e"}\n[]', "line 2"),
        ('{"time":"t","origin":{"path":"a","line":"1"},"episode":"e"}', "line 1"),
        ("[" * 100_000, "line 1"),
        ("\udcff", "line 1"),
    ],
)
def test_what_is_no_label_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "labels.jsonl").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(LabelsError, match=said):
        read_labels(tmp_path / "labels.jsonl")


def test_labels_lie_below_their_folder_and_those_of_topics_are_passed_over(tmp_path: Path) -> None:
    here = '{"time":"t","origin":{"path":"a","line":7,"more":1},"episode":"e","class":"x"}'
    topic = '{"time":"t","origin":{"topic":"a","partition":0,"offset":7},"episode":"e"}'
    (tmp_path / "labels.jsonl").write_text(f"{here}\n\n{topic}\n")
    (found,) = read_labels(tmp_path / "labels.jsonl")
    assert found.place == (str(tmp_path.resolve() / "a"), 7, 0)
