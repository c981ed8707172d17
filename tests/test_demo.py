"""What `make demo` says when it cannot go on; that it does go on is what `make demo-check` is for."""

import socket
import sys

import pytest

from tests import demo


def test_a_port_that_is_taken_is_named_before_anything_begins(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["demo"])
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port, other = taken.getsockname()[1], free.getsockname()[1]
        monkeypatch.setattr(demo, "SERVICE", port)
        monkeypatch.setattr(demo, "MOODLE", other)
        with pytest.raises(SystemExit) as ended:
            demo.main()
    told = str(ended.value.code)
    assert f"порт {port}" in told
    assert str(other) not in told
    assert "\n" not in told


def test_nobody_waits_for_a_process_that_has_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "PATIENCE", 20)
    walk = demo.Demo(None, tmp_path, check=True)
    walk.start("no_such_service")
    with pytest.raises(demo.StepError, match="no_such_service завершился со статусом 1"):
        walk.wait(lambda: False, "the service")
    assert "No module named" in walk.logs()
