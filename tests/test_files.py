"""Files: what stands under a name is always whole."""

import os
import stat

import pytest

from clnp_core.errors import StoreError
from clnp_core.files import write_whole, writing_whole


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
