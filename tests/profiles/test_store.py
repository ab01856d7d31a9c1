import subprocess
import sys
from pathlib import Path

import pytest

from profiles import Profile, ProfileError, list_profiles, load_profile, save_profile


def test_save_and_load(profile: Profile, tmp_path: Path) -> None:
    """Tests that a saved profile loads, by path or by text, with the same content."""
    path = tmp_path / "toy.json"
    save_profile(profile, path)
    assert load_profile(path).digest == profile.digest
    assert load_profile(str(path)).digest == profile.digest


def test_saving_is_stable(profile: Profile, tmp_path: Path) -> None:
    """Tests that what was loaded saves to the same bytes, one entry a line."""
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    save_profile(profile, first)
    save_profile(load_profile(first), second)
    assert first.read_bytes() == second.read_bytes()
    assert sum('"degree"' in line for line in first.read_text().splitlines()) == len(profile.entries)


@pytest.mark.parametrize("name", list_profiles())
def test_shipped_profiles_are_valid(name: str) -> None:
    """Tests that every shipped profile loads and is called what its file is called."""
    assert load_profile(name).name == name


def test_unknown_names_list_the_known(profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that an unknown name, a missing file and a file taken for a name are told apart, with what is shipped."""
    with pytest.raises(ProfileError, match=r"there is no profile 'flux'; .*flux1-dev_h100"):
        load_profile("flux")
    with pytest.raises(ProfileError, match=r"there is no profile file flux\.json; .*flux1-dev_h100"):
        load_profile("flux.json")
    monkeypatch.chdir(tmp_path)
    save_profile(profile, "flux")
    with pytest.raises(
        ProfileError, match=r"there is no profile 'flux' \(the file of that name here is \./flux\); the"
    ):
        load_profile("flux")


def test_broken_json_names_the_file(tmp_path: Path) -> None:
    """Tests that a file that is not JSON is refused by its name."""
    path = tmp_path / "cut.json"
    path.write_text('{"schema": ')
    with pytest.raises(ProfileError, match=r"cut\.json: not JSON"):
        load_profile(path)


def test_import_is_light() -> None:
    """Tests that importing profiles brings in no numerical, plotting or terminal library."""
    code = "import sys, profiles; print(*{'numpy', 'scipy', 'matplotlib', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
