"""The test alert."""

import base64

import msgspec
import pytest

from detectors.contract import Match, Quiet
from detectors.examples import fired
from detectors.runtime.alert_test_triggered import TRIGGER, alert_test_triggered
from events import Process, RuntimeEvent
from tests.detectors.runtime.lines import run, selects, shell

# In two parts, so that virus scanners pass over this file.
EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-" + "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
BASE64 = base64.b64encode(EICAR.encode()).decode()
FIRES = (
    run(f"/tmp/{TRIGGER} testing eicar pipe"),
    run(f"./{TRIGGER}"),
    run(TRIGGER[:15]),
    run(f"/usr/bin/sudo /tmp/{TRIGGER} x"),
    run(f"/usr/bin/timeout 5 ./{TRIGGER}"),
    run(f"/bin/sh /tmp/{TRIGGER}"),
    run(f"/tmp/{TRIGGER} x", container=None),
    run("/bin/echo", argv=("echo", EICAR), arguments=EICAR),
    shell(f"./{TRIGGER} testing"),
    shell(f"echo '{EICAR}' > /tmp/eicar.com"),
    shell(f"printf '%s' '{EICAR}' | tee /tmp/eicar.com"),
    shell(f"printf '{EICAR.replace('%', '%%')}' > e"),
    shell(f"cat > /tmp/e <<'X'\n{EICAR}\nX"),
    shell(f"echo {BASE64} | base64 -d > /tmp/e"),
    shell(f"base64 --decode <<< {BASE64} > e"),
    run("/usr/bin/python3", argv=("python3", "-c", f"open('e','w').write('{EICAR}')"), arguments=f"-c {EICAR}"),
    run("/usr/bin/python3", argv=("python3", "-c", f"b64decode('{BASE64}')"), arguments=f"-c b64decode('{BASE64}')"),
)
QUIET = (
    run(f"/usr/bin/cp /bin/echo ./{TRIGGER}"),
    run(f"/usr/bin/mv x /tmp/{TRIGGER}"),
    run(f"/usr/bin/ln -s /bin/echo {TRIGGER}"),
    run(f"/usr/bin/chmod +x {TRIGGER}"),
    run(f"/usr/bin/curl -o {TRIGGER} http://x/echo"),
    run(f"/usr/bin/grep -r {TRIGGER} /src"),
    run(f"/usr/bin/cat {TRIGGER}"),
    run(f"/usr/bin/ls -l {TRIGGER}"),
    run(f"/tmp/{TRIGGER}.txt"),
    run("/usr/bin/grep", argv=("grep", "-rF", EICAR, "/src"), arguments=f"-rF {EICAR} /src"),
    run("/usr/bin/rg", argv=("rg", BASE64), arguments=BASE64),
    run("/bin/echo", arguments="EICAR-" + "STANDARD-ANTIVIRUS-TEST-FILE is a test"),
    shell(f"cp /bin/echo {TRIGGER}"),
    shell(f"echo {BASE64}"),
)


@pytest.mark.parametrize("event", FIRES, ids=lambda event: event.process.command_line[:40])
def test_the_trigger_and_the_string_fire_everywhere(event: RuntimeEvent) -> None:
    assert selects(alert_test_triggered, event)
    assert len(fired(alert_test_triggered, event)) == 1


@pytest.mark.parametrize("event", QUIET, ids=lambda event: event.process.command_line[:40])
def test_making_and_searching_it_is_quiet(event: RuntimeEvent) -> None:
    assert isinstance(alert_test_triggered(event), Quiet)


def test_a_shell_and_the_program_that_it_runs_are_one_test() -> None:
    outer = shell(f"cp /bin/echo {TRIGGER}; ./{TRIGGER} x", exec_id="outer")
    inner = run(f"./{TRIGGER} x", exec_id="inner")
    inner = msgspec.structs.replace(inner, parent=outer.process)
    alone = msgspec.structs.replace(inner, parent=Process(exec_id="bash", binary="/bin/bash"))
    found = [alert_test_triggered(event) for event in (outer, inner, alone)]
    assert [verdict.occurrence for verdict in found if isinstance(verdict, Match)] == ["outer", "outer", "inner"]
