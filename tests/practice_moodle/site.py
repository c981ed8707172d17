"""What every part of the practice Moodle knows about its site: the address, the names, the version, the
college."""

import hashlib
from dataclasses import dataclass

from .college import College


@dataclass
class Site:
    """One Moodle site. `address` is its root without a slash at the end, which is also the LTI issuer."""

    address: str
    college: College
    fullname: str = "Учебный Moodle политехнического колледжа"
    shortname: str = "Учебный Moodle"
    version: str = "2024090300"
    release: str = "4.5dev+ (Build: 20240903)"
    lang: str = "ru"

    def url(self, path: str) -> str:
        """The full address of a path that begins with a slash."""
        return self.address + path

    @property
    def guid(self) -> str:
        return hashlib.md5(self.address.encode(), usedforsecurity=False).hexdigest()
