"""The platform's and the brand's own names, pages and numbers: to name them leads nobody away."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints

#: At least two characters, none of which would end a sentence.
Name = Annotated[str, StringConstraints(pattern=r"^[^ ,。!;]{2,30}$")]
Domain = Annotated[str, StringConstraints(pattern=r"^([a-z0-9-]{1,40}\.){1,4}[a-z]{2,6}$")]
Number = Annotated[str, StringConstraints(pattern=r"^[0-9]{3,12}$")]

#: What a name stands beside where it is an account or a line of service.
_ACCOUNT: Final = (
    "(公众号|小程序|热线|客服|电话|官网|app|help page|hotline|customer service|account)"
)


class Official(BaseModel):
    """What belongs to the platform and the brand, as a KPI profile lists it.

    Parameters
    ----------
    names : list of str
        Of the platform and the brand: their accounts, apps and service lines are their own.
    links : list of str
        Domains, such as ``jd.com``; what stands below one belongs to it, what merely ends or
        begins alike does not.
    numbers : list of str
        Phone numbers in digits; spaces and dashes within one don't matter.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    names: list[Name] = []
    links: list[Domain] = []
    numbers: list[Number] = []

    def cuts(self) -> list[str]:
        """Return patterns of text in which the rule `off_platform` looks for nothing.

        Examples
        --------
        >>> import re
        >>> own = Official(links=["jd.com"], numbers=["4006065500"])
        >>> link, number = own.cuts()
        >>> bool(re.search(link, "https://item.jd.com/1.html"))
        True
        >>> bool(re.search(link, "https://jd.com.example.cn"))
        False
        >>> bool(re.search(number, "400-606-5500"))
        True
        """
        cuts = []
        if self.links:
            domains = "|".join(re.escape(link) for link in self.links)
            # Closed by what can't belong to a longer domain.
            host = rf"([a-z0-9\-]{{1,40}}\.){{0,4}}({domains})"
            cuts.append(rf"(^|[^a-z0-9.\-])(https?://)?{host}([/?#:][^ ,。]*|[^a-z0-9.\-/?#:]|$)")
        if self.numbers:
            spaced = ("[ -]?".join(number) for number in self.numbers)
            cuts.append(f"(^|[^0-9])({'|'.join(spaced)})([^0-9]|$)")
        if self.names:
            names = "|".join(re.escape(name.lower()) for name in self.names)
            # Nothing before the name: a real breach in the same sentence stays in sight.
            cuts.append(
                f"({names})[^,。!; ]{{0,8}}{_ACCOUNT}[^,。!; ]{{0,12}}"
                f"|{_ACCOUNT}[^,。!; ]{{0,6}}({names})[^,。!; ]{{0,10}}"
                f"|(微信|qq|wechat)[,、/: ]{{0,3}}({names})[^,。!; ]{{0,10}}"
            )
        return cuts
