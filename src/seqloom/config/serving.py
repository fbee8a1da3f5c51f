"""Settings of the server."""

import ipaddress
import re
from dataclasses import dataclass

from seqloom.config.base import validate
from seqloom.config.settings import range_checks, setting, type_checks

__all__ = ["ServingConfig"]

_TOKEN = re.compile(r"[A-Za-z0-9._~-]+")


@dataclass(frozen=True, kw_only=True)
class ServingConfig:
    """Settings of `seqloom.serving.server.serve` besides the runs.

    Attributes:
        host: address to listen on; any but a loopback address needs a token.
        port: port; 0 chooses a free one.
        token: secret that clients send in the header `Authorization: Bearer TOKEN`; None for none.
        streams: largest number of texts that one run generates at the same time; others wait.
        max_waiting: largest number of texts that wait; a request that exceeds it is refused.
        max_tokens: largest number of tokens of a text.
        max_samples: largest number of texts of one request, over all of its prompts.
        max_body_bytes: largest body of a request.
        max_seconds: longest time of one request; its texts then end.
    """

    host: str = setting("127.0.0.1", help="address to listen on; any but a loopback address needs a token")
    port: int = setting(8000, help="port to listen on; 0 chooses a free one", at_least=0, at_most=65535)
    token: str | None = setting(
        None, help="secret that clients must send as 'Authorization: Bearer TOKEN'", metavar="TOKEN", repr=False
    )
    streams: int = setting(64, help="texts that a run generates at once; others wait", at_least=1, at_most=1024)
    max_waiting: int = setting(256, help="texts that may wait; further requests are refused", at_least=0)
    max_tokens: int = setting(100_000, help="largest length of a text in tokens", at_least=1)
    max_samples: int = setting(128, help="largest number of texts of one request", at_least=1)
    max_body_bytes: int = setting(1_000_000, help="largest body of a request in bytes", at_least=1000)
    max_seconds: float = setting(600.0, help="longest time of one request in seconds", above=0)

    def __post_init__(self) -> None:
        validate(*type_checks(self))
        validate(
            *range_checks(self),
            (
                self.is_loopback or bool(self.token),
                f"`host` {self.host} can be reached from other machines, so clients need a `token`: choose a long one "
                "that nobody can guess, or listen on 127.0.0.1",
            ),
            (
                self.token is None or _TOKEN.fullmatch(self.token) is not None,
                "`token` has signs that a header or an address changes: choose letters, digits and -._~",
            ),
        )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
