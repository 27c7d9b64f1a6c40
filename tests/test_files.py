"""Files: what stands under a name is always whole."""

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from clnp_core.errors import StoreError
from clnp_core.files import can_be_written, descriptor, ending, write_whole, writing_whole


def test_a_file_is_written_in_folders_that_are_made_for_it_and_replaces_what_was_there(tmp_path):
    path = tmp_path / "new" / "folder" / "file.json"
    for content in (b"one", b"two"):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_what_is_raised_on_the_way_leaves_what_stood_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"whole")

    def fail() -> None:
        with writing_whole(path) as file:
            file.write(b"half")
            assert path.read_bytes() == b"whole"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_can_be_read_by_its_owner_alone_and_other_files_as_the_umask_says(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "secret", b"", secret=True)
        write_whole(tmp_path / "open", b"")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("secret", "open")]
    assert modes == [0o600, 0o640]


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file/inside cannot be written: "):
        write_whole(tmp_path / "file" / "inside", b"")


def test_what_a_link_leads_to_is_written_and_the_link_stays(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    for name, there in (("old", True), ("new", False)):
        link, target = tmp_path / name, tmp_path / "elsewhere" / name
        link.symlink_to(Path("elsewhere") / name)
        if there:
            target.write_bytes(b"before")
        assert can_be_written(link)
        write_whole(link, b"content")
        assert link.is_symlink()
        assert target.read_bytes() == b"content"
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == ["new", "old"]


def test_a_pipe_and_a_device_are_written_into(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    assert can_be_written(pipe)
    write_whole(pipe, b"content")
    reader.join()
    write_whole(Path("/dev/null"), b"content")
    assert got == [b"content"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert not list(tmp_path.glob("*.part"))


def test_an_open_file_goes_on_where_it_is(tmp_path):
    """As /dev/stdout, and what a shell has for >(command)."""
    with open(tmp_path / "log", "w+b", buffering=0) as file:
        file.write(b"one ")
        (tmp_path / "link").symlink_to(f"/dev/fd/{file.fileno()}")
        for path in (Path(f"/dev/fd/{file.fileno()}"), tmp_path / "link"):
            assert can_be_written(path)
            write_whole(path, b"two ")
        file.write(b"three")
    assert (tmp_path / "log").read_bytes() == b"one two two three"
    assert not can_be_written(path)
    with open(tmp_path / "log", "rb") as file:
        assert not can_be_written(Path(f"/dev/fd/{file.fileno()}"))


def test_an_exception_on_the_way_writes_nothing_into_a_pipe(tmp_path):
    ends = os.pipe()

    def fail() -> None:
        with writing_whole(Path(f"/dev/fd/{ends[1]}")) as file:
            file.write(b"half")
            raise ZeroDivisionError

    try:
        with pytest.raises(ZeroDivisionError):
            fail()
        os.set_blocking(ends[0], False)
        with pytest.raises(BlockingIOError):
            os.read(ends[0], 1)
    finally:
        list(map(os.close, ends))


@pytest.mark.parametrize("call", ["open", "replace"])
def test_a_file_that_cannot_be_replaced_is_written_into(tmp_path, monkeypatch, call):
    """As one that is mounted into a container by itself, or lies in a folder of others."""
    path, before = tmp_path / "file", getattr(os, call)
    path.write_bytes(b"longer than what comes")
    code = errno.EACCES if call == "open" else errno.EBUSY

    def refused(name, *arguments):
        if str(name).endswith(".part"):
            raise OSError(code, os.strerror(code))
        return before(name, *arguments)

    monkeypatch.setattr(os, call, refused)
    write_whole(path, b"content")
    assert path.read_bytes() == b"content"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_what_stood_there(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "file"
    path.write_bytes(b"before")
    monkeypatch.setattr(os, "open", full)
    with pytest.raises(StoreError, match="No space left on device"):
        write_whole(path, b"content")
    assert path.read_bytes() == b"before"


@pytest.mark.parametrize("name", [300 * "x", "a\0b"])
def test_a_name_that_no_file_can_have_is_one_that_cannot_be_written(tmp_path, name):
    for path in (tmp_path / name, tmp_path / name / "x"):
        assert not can_be_written(path)
        assert descriptor(path) is None


def test_what_can_never_be_written_is_known_before(tmp_path):
    (tmp_path / "nowhere").symlink_to("no/such/folder/file")
    (tmp_path / "round").symlink_to("round")
    assert can_be_written(tmp_path / "file")
    for name in (".", "no/file", "nowhere", "round"):
        assert not can_be_written(tmp_path / name)


def test_what_is_no_regular_file_needs_no_ending(tmp_path):
    assert ending(tmp_path / "a.csv", ".zip") == ".csv"
    assert ending(tmp_path / "a", ".zip") == ""
    assert ending(Path("/dev/null"), ".zip") == ".zip"
