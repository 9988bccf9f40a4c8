"""The shell scripts: what they say without set-up, and how environments and counts are kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def shell(code, **environment):
    """Runs code after scripts/common.sh."""
    return subprocess.run(
        ["bash", "-c", f"source {ROOT}/scripts/common.sh; {code}"],
        capture_output=True, text=True, timeout=120, env={**os.environ, **environment})


@pytest.mark.parametrize("script", ["setup.sh", "quickstart.sh", "test.sh", "peers.sh", "judge_servers.sh", "fetch_models.sh"])
def test_help_names_the_script_and_starts_nothing(script):
    done = subprocess.run([ROOT / "scripts" / script, "--help"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) >= 2
    assert "#" not in done.stdout


@pytest.mark.parametrize("script", ["setup.sh", "test.sh", "peers.sh", "judge_servers.sh"])
def test_an_unknown_option_is_bad_input(script):
    done = subprocess.run([ROOT / "scripts" / script, "--wrong"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert "--wrong" in done.stderr


def old_python(tmp_path):
    """A python3 that fails the version check, as one of 3.8 does."""
    path = tmp_path / "python3"
    path.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.8.18" && exit 0\nexit 1\n')
    path.chmod(0o755)
    return path


def test_an_old_python_is_refused_by_name_and_version(tmp_path):
    path = old_python(tmp_path)
    done = shell("find_python", PYTHON=str(path))
    assert done.returncode != 0
    assert f"{path} (Python 3.8.18)" in done.stderr and "3.11" in done.stderr


def test_a_step_shows_the_end_of_its_log_only_where_it_fails():
    good = shell("LOGS=$(mktemp -d); step Fine x.log echo hidden; echo $?; rm -r $LOGS")
    assert good.stdout == "Fine ... done in 0 s\n0\n"
    bad = shell("LOGS=$(mktemp -d); step Broken x.log sh -c 'echo the reason; exit 7'; echo $?; rm -r $LOGS")
    assert "Broken ... FAILED (7)" in bad.stdout and "    the reason" in bad.stdout
    assert bad.stdout.endswith("\n7\n")


# In place of a Python: makes an environment at once, and passes for the one in it.
FAKE_PYTHON = """#!/bin/bash
case "$*" in
  "-m venv --clear "*) rm -rf "$4"; mkdir -p "$4/bin"; ln -s "$(readlink -f "$0")" "$4/bin/python" ;;
  *sys.executable*) readlink -f "$0" ;;
esac
"""

MAKE = """
set -e
cd "$FOLDER"; echo one >wanted.txt
printf %s "$FAKE_PYTHON" >python; chmod +x python; PYTHON=$PWD/python
state() { if environment_is_current env wanted.txt; then echo current; else echo stale; fi; }
fill() { cp wanted.txt env/filled; }
fail() { touch env/half; return 1; }
"""


def test_an_environment_is_current_until_its_requirements_change(tmp_path):
    done = shell(MAKE + """
        state
        make_environment env fill wanted.txt >/dev/null 2>&1; state; cat env/filled
        echo two >wanted.txt; state
        touch env/kept
        make_environment env fill wanted.txt >/dev/null 2>&1; state; cat env/filled; ls env/kept
    """, FOLDER=str(tmp_path), FAKE_PYTHON=FAKE_PYTHON)
    assert done.stdout.split() == ["stale", "current", "one", "stale", "current", "two", "env/kept"], done.stderr


def test_an_environment_left_half_made_is_made_anew(tmp_path):
    done = shell(MAKE + """
        make_environment env fail wanted.txt >/dev/null 2>&1 || true; state
        make_environment env fill wanted.txt >/dev/null 2>&1; state
        if [[ -e env/half ]]; then echo kept; else echo anew; fi
    """, FOLDER=str(tmp_path), FAKE_PYTHON=FAKE_PYTHON)
    assert done.stdout.split() == ["stale", "current", "anew"], done.stderr


def count(tmp_path, *files, parts_failed=0):
    paths = []
    for i, text in enumerate(files):
        path = tmp_path / f"{i}.xml"
        path.write_text(text)
        paths.append(path)
    command = [sys.executable, ROOT / "scripts" / "count_tests.py", "--parts-failed", str(parts_failed), *paths]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()


CTEST = """<testsuite><testcase name="a" status="run"/><testcase name="b" status="fail"><failure/><system-out>1
2 &lt; 1
</system-out></testcase>
<testcase name="c" status="notrun"/><testcase name="d" status="notrun"><skipped/></testcase></testsuite>"""
PYTEST = """<testsuites><testsuite><testcase name="a"/><testcase name="b"><error/></testcase></testsuite></testsuites>"""


def test_counts_sum_over_files_and_a_test_that_did_not_run_failed(tmp_path):
    assert count(tmp_path, CTEST, PYTEST).splitlines()[-1] == "2 passed, 3 failed, 1 skipped"


def test_of_failed_tests_stand_the_names_and_how_they_ended(tmp_path):
    assert count(tmp_path, CTEST, PYTEST).splitlines()[:-1] == [
        "failed  0: b", "    1", "    2 < 1", "failed  0: c", "failed  1: b"]


def test_a_failed_part_without_a_failed_test_counts(tmp_path):
    assert count(tmp_path) == "0 passed, 0 failed"
    assert count(tmp_path, parts_failed=2) == "0 passed, 2 failed"
