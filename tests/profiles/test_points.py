from pathlib import Path

import pytest

from profiles import ProfileError, Shape
from profiles.points import read_points, select
from profiles.recipes import POINTS

HEADER = "model,gpu,link,num_gpus,parallel,width,height,frames,steps,mode,total_s,step_s,kind,source\n"
ROW = "FLUX.1-dev,H200,NVLink,2,ulysses2,1280,720,1,50,eager,,0.05,measured,my notes\n"


def write(folder: Path, text: str) -> Path:
    """Write a file of points."""
    path = folder / "points.csv"
    path.write_text(text)
    return path


def test_width_comes_first_in_files(tmp_path: Path) -> None:
    """Tests that the file's width and height, in that order, become a shape with height first."""
    (point,) = read_points(write(tmp_path, HEADER + ROW))
    assert point.shape == Shape(height=720, width=1280)
    assert (point.link, point.degree, point.seconds, point.provenance) == ("nvlink", 2, 0.05, "measured")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",0.05,", ",fast,", r"points\.csv:2: step_s is 'fast'; it must be a positive number"),
        (",0.05,", ",-1,", r":2: step_s is '-1'"),
        (",0.05,", ",nan,", r":2: step_s is 'nan'"),
        (",720,", ",0,", r":2: height is '0'; it must be a whole number"),
        (",measured,my notes", "", r":2: the line is too short"),
    ],
)
def test_bad_rows(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Tests that a bad value is refused with file, line, column, value, and what would be right."""
    with pytest.raises(ProfileError, match=message):
        read_points(write(tmp_path, HEADER + ROW.replace(old, new)))


def test_missing_column(tmp_path: Path) -> None:
    """Tests that a missing column is named."""
    with pytest.raises(ProfileError, match="lacks the columns num_gpus"):
        read_points(write(tmp_path, (HEADER + ROW).replace("num_gpus", "gpus")))


def test_published_points_are_all_there() -> None:
    """Tests that all 195 shipped points are read, and count as published."""
    points = read_points(POINTS)
    assert len(points) == 195
    assert {point.provenance for point in points} == {"published"}


def test_a_series_has_one_value_each() -> None:
    """Tests that contradicting points are refused with both lines, and that a narrower choice resolves it."""
    points = read_points(POINTS)
    with pytest.raises(ProfileError, match=r"lines 2 and 4 both give FLUX\.1-dev on 1 x H100 at 1024x1024"):
        select(points, "FLUX.1-dev", "H100", "nvlink")
    series = select(points, "FLUX.1-dev", "H100", "nvlink", source="perf_baselines")
    assert [point.seconds for point in series] == [0.12885, 0.07998]


def test_a_series_has_one_link(tmp_path: Path) -> None:
    """Tests that points on other links are left out, except that one GPU has no link."""
    other = ROW.replace("NVLink", "PCIe")
    alone = ROW.replace("NVLink,2", "PCIe,1")
    points = read_points(write(tmp_path, HEADER + ROW + other + alone))
    assert select(points, "FLUX.1-dev", "H200", "nvlink") == (points[0], points[2])
