"""Where results go: nothing that we did not write is touched, and kinds do not mix."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from experiments.results.directory import MANIFEST, prepare_directory, read_manifest
from experiments.results.manifest import manifest
from experiments.results.writer import write_json

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def earlier(directory: Path, kind: str, *files: str) -> None:
    """Leave results of a kind in a directory."""
    directory.mkdir(exist_ok=True)
    write_json(manifest({}, {}, NOW, kind=kind, files=files), directory / MANIFEST)
    for file in files:
        (directory / file).write_text("old")


def names(directory: Path) -> set[str]:
    """Return the names of what is in a directory."""
    return {path.name for path in directory.iterdir()}


def test_a_directory_is_made_with_its_parents(tmp_path: Path) -> None:
    """A path that does not exist becomes an empty directory, and one that is empty stays one."""
    assert names(prepare_directory(tmp_path / "a" / "b", "bound")) == set()
    assert names(prepare_directory(str(tmp_path / "a" / "b"), "bound")) == set()


def test_files_of_others_may_stand_beside_a_run_whose_files_are_known(tmp_path: Path) -> None:
    """A run goes beside notes; not over a table that has one of its names, even with `overwrite`."""
    (tmp_path / "notes.txt").write_text("mine")
    assert prepare_directory(tmp_path, "run", ["table.md"]) == tmp_path
    (tmp_path / "table.md").write_text("mine, too")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match=r"has table.md, which is not known as a result of ours"):
            prepare_directory(tmp_path, "run", ["table.md"], overwrite=overwrite)
    assert (tmp_path / "table.md").read_text() == "mine, too"


def test_a_study_wants_an_empty_directory(tmp_path: Path) -> None:
    """Where the names are not known before, a directory with anything of others is refused."""
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ValueError, match=r"has README.md, .* give a new directory"):
        prepare_directory(tmp_path, "bound", overwrite=True)


def test_earlier_results_are_not_mixed_with(tmp_path: Path) -> None:
    """Earlier results are refused; with `overwrite` what the manifest names goes, and only that; `resume` leaves all."""
    earlier(tmp_path, "bound", "table.md")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"holds an earlier bound .*overwrite=true .*resume"):
        prepare_directory(tmp_path, "bound")
    prepare_directory(tmp_path, "bound", resume=True)
    assert names(tmp_path) == {"notes.txt", "table.md", MANIFEST}
    prepare_directory(tmp_path, "bound", overwrite=True)
    assert names(tmp_path) == {"notes.txt"}


@pytest.mark.parametrize("settings", [{}, {"overwrite": True}, {"resume": True}])
def test_results_of_another_kind_stay(tmp_path: Path, settings: dict[str, bool]) -> None:
    """A comparison never goes into the directory of a run, whatever it is told."""
    earlier(tmp_path, "run", "requests.parquet")
    with pytest.raises(ValueError, match=r"of another kind \(run, not compare\); give another directory"):
        prepare_directory(tmp_path, "compare", **settings)
    assert names(tmp_path) == {"requests.parquet", MANIFEST}


def test_a_manifest_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    """What a manifest names outside its directory is not deleted."""
    (tmp_path / "mine").write_text("mine")
    earlier(tmp_path / "out", "bound")
    write_json(
        manifest({}, {}, NOW, kind="bound", files=["../mine", str(tmp_path / "mine")]), tmp_path / "out" / MANIFEST
    )
    prepare_directory(tmp_path / "out", "bound", overwrite=True)
    assert (tmp_path / "mine").read_text() == "mine"


def test_only_our_manifests_are_read(tmp_path: Path) -> None:
    """Other JSON, no JSON and no file are no manifest."""
    assert read_manifest(tmp_path) is None
    for text in ("{", "[]", '{"schema": "other/1"}'):
        (tmp_path / MANIFEST).write_text(text)
        assert read_manifest(tmp_path) is None


@pytest.mark.parametrize("below", ["file", "file/run"])
def test_a_file_in_the_place_is_refused(tmp_path: Path, below: str) -> None:
    """A path that is a file, or lies below one, is refused by name, and the file is untouched."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match=f"{tmp_path / below}: there is a file in its place or above it"):
        prepare_directory(tmp_path / below)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_directory_that_cannot_be_written_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no file can be made in it, the directory is refused by name with the system's reason."""

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(ValueError, match=f"{tmp_path} cannot be written to .Permission denied.; give a directory"):
        prepare_directory(tmp_path)
