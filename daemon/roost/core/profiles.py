"""Which components take part: all without profiles, and those with one that was chosen.  Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .gate import DISABLED
from .model import Project, Spec


def takes_part(spec: Spec, chosen: Collection[str]) -> bool:
    """Whether a component belongs to the project as it was brought up."""
    return not spec.profiles or any(profile in chosen for profile in spec.profiles)


def disabled_reason(spec: Spec) -> str:
    """`disabled by profile (it takes part only with --profile debug)`."""
    return f"{DISABLED} (it takes part only with {' or '.join(f'--profile {p}' for p in spec.profiles)})"


def unknown(project: Project, names: Iterable[str]) -> list[str]:
    """Those of the names that no component of the project has as a profile."""
    known = known_profiles(project)
    return [name for name in dict.fromkeys(names) if name not in known]


def known_profiles(project: Project) -> list[str]:
    """Every profile of the project, in the order of the file."""
    found = (profile for spec in project.components.values() for profile in spec.profiles)
    return list(dict.fromkeys(found))
