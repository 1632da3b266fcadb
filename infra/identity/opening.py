"""Who judges the callers of an installation, by its settings: keys, tokens, or the one local identity."""

from collections.abc import Generator
from contextlib import contextmanager

from infra.application.app import App
from infra.control import open_control
from infra.identity.audit import Audit
from infra.identity.caller import Access
from infra.identity.judge import Judge
from infra.identity.local import Local
from infra.identity.tokens import Tokens
from infra.logs import Logger


@contextmanager
def judging(app: App, logger: Logger) -> Generator[Access]:
    """Who judges, for as long as the installation is served.

    Raises Malformed where nobody is authenticated and the service would be reached from elsewhere.
    """
    settings = app.settings
    settings.check_reachable()
    if not settings.authenticates:
        yield Local(settings.who)
        return
    control = open_control(settings.db, app.log.identity()) if settings.service.keys else None
    try:
        yield Judge(app, Audit(logger), control, Tokens(settings.oidc) if settings.oidc.issuer else None)
    finally:
        if control is not None:
            control.close()
