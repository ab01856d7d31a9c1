"""What things cost: seconds per denoising step by shape, degree, link and batch, as data with provenance."""

from profiles.entries import LOCAL, ProfileError, StageEntry, StepEntry
from profiles.extend import UNKNOWN_SHAPES, Extension, extended
from profiles.profile import Profile
from profiles.shape import Shape
from profiles.store import list_profiles, load_profile, save_profile

__all__ = [
    "LOCAL",
    "UNKNOWN_SHAPES",
    "Extension",
    "Profile",
    "ProfileError",
    "Shape",
    "StageEntry",
    "StepEntry",
    "extended",
    "list_profiles",
    "load_profile",
    "save_profile",
]
