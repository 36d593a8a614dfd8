"""What the documentation shows is what the program does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_the_output_in_the_readme_is_the_demos() -> None:
    shown = re.findall(r"^    (TIME.*?)\n\n## ", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)[0]
    command = [sys.executable, "-m", "flows.cli", "demo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    printed = {line.strip() for line in (done.stdout + done.stderr).splitlines()}
    for line in filter(None, (line.strip() for line in shown.splitlines())):
        assert line in printed | {"..."}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), target
