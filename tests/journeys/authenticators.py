"""Virtual authenticators in Chromium (WebAuthn domain of its debugging protocol): a phone's passkey, a security key."""

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import CDPSession, Page


@dataclass
class Authenticator:
    """One authenticator of a browser's page. Pages are at http://localhost, where passkeys work without https."""

    session: CDPSession
    id: str

    def credentials(self) -> list[dict[str, Any]]:
        """What it holds."""
        found = self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return list(found["credentials"])

    def refuse_user(self, *, refused: bool = True) -> None:
        """A wrong finger: the user is not verified."""
        self.session.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": not refused})

    def rewind(self, to: int = 0) -> None:
        """Set every credential's counter back, as on a copy that was made earlier."""
        for credential in self.credentials():
            self._remove(credential)
            self.add({**credential, "signCount": to})

    def add(self, credential: dict[str, Any]) -> None:
        """Put a credential in that another authenticator made: a passkey that was synced."""
        self.session.send("WebAuthn.addCredential", {"authenticatorId": self.id, "credential": credential})

    def remove(self) -> None:
        """Take the authenticator away."""
        self.session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self.id})

    def _remove(self, credential: dict[str, Any]) -> None:
        named = {"authenticatorId": self.id, "credentialId": credential["credentialId"]}
        self.session.send("WebAuthn.removeCredential", named)


def plug_in(page: Page, *, prf: bool = True, security_key: bool = False) -> Authenticator:
    """Give a page an authenticator; a second call gives it another one beside it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "usb" if security_key else "internal",
        "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True, "hasPrf": prf,
        "automaticPresenceSimulation": True, "defaultBackupEligibility": not security_key,
        "defaultBackupState": not security_key,
    }  # fmt: skip
    added = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return Authenticator(session, added["authenticatorId"])
