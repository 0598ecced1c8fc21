"""How tiles are encoded. A new profile is a line here; `docs/architecture.md` says what each is for."""

from dataclasses import dataclass

from shancheng.errors import SettingError


@dataclass(frozen=True, slots=True)
class Profile:
    """Choices for all tiles of a build.

    Attributes:
        name: What `--profile` takes.
        meshopt: Compress with EXT_meshopt_compression.
        normals: Give every face its own corners and normals, for clients that do not shade without.
    """

    name: str
    meshopt: bool = True
    normals: bool = False


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("compact"),
        Profile("normals", normals=True),
        Profile("plain", meshopt=False),
    )
}


def profile_named(name: str) -> Profile:
    """The profile of that name.

    Raises:
        SettingError: There is none.
    """
    if name not in PROFILES:
        raise SettingError(f"profile={name}: must be one of {', '.join(PROFILES)}")
    return PROFILES[name]
