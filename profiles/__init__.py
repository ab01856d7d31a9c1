"""What things cost: seconds per denoising step by shape, degree, link and batch, as data with provenance."""

from profiles.entries import LOCAL, ProfileError, StageEntry, StepEntry
from profiles.profile import Profile
from profiles.shape import Shape
from profiles.store import list_profiles, load_profile, save_profile

__all__ = [
    "LOCAL",
    "Profile",
    "ProfileError",
    "Shape",
    "StageEntry",
    "StepEntry",
    "list_profiles",
    "load_profile",
    "save_profile",
]
