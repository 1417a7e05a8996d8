"""What people read when something went wrong: what happened, what is safe and what to do, a sentence each."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString


@dataclass(frozen=True, slots=True)
class ErrorText:
    """The words of one error page; `safe` is empty where nothing could have been lost."""

    title: LazyString
    what: LazyString
    next: LazyString
    safe: LazyString | str = ""


ERROR_TEXTS: dict[int, ErrorText] = {
    400: ErrorText(
        title=_("Dit verzoek klopt niet"),
        what=_("De pagina stond misschien te lang open, of de link is niet helemaal meegekomen."),
        safe=_("Er is niets verstuurd of gewijzigd."),
        next=_("Ga terug, laad de pagina opnieuw en probeer het nog eens."),
    ),
    401: ErrorText(
        title=_("De sessie is afgelopen"),
        what=_("Na een tijd zonder activiteit eindigt een sessie vanzelf."),
        safe=_("Er is niets verloren."),
        next=_("Log opnieuw in om verder te gaan."),
    ),
    403: ErrorText(
        title=_("Geen toegang tot deze pagina"),
        what=_("Deze pagina is niet voor iedereen open."),
        next=_("Moet dit wel kunnen? Vraag het aan de beheerder van de organisatie."),
    ),
    404: ErrorText(
        title=_("Deze pagina is er niet"),
        what=_("Het adres is verkeerd getypt, of wat hier stond is weggehaald."),
        next=_("Controleer het adres, of ga naar het begin."),
    ),
    409: ErrorText(
        title=_("Iemand was net iets eerder"),
        what=_("Dit is ondertussen ergens anders gewijzigd, bijvoorbeeld in een ander tabblad."),
        safe=_("Er is niets overschreven."),
        next=_("Laad de pagina opnieuw en kijk wat er nu staat."),
    ),
    410: ErrorText(
        title=_("Dit is niet meer beschikbaar"),
        what=_("Het is ingetrokken of al gebruikt."),
        next=_("Is het nog nodig? Vraag het dan aan de afzender."),
    ),
    413: ErrorText(
        title=_("Dit is te groot"),
        what=_("Een bericht kan hoogstens 1 MB tekst bevatten, een foto hoogstens 5 MB."),
        safe=_("Er is niets verstuurd. De tekst staat nog op de vorige pagina."),
        next=_("Ga terug en maak het kleiner."),
    ),
    422: ErrorText(
        title=_("Er ontbreekt nog iets"),
        what=_("Niet alles is ingevuld zoals het moet."),
        safe=_("Wat er getypt is, is bewaard gebleven."),
        next=_("Ga terug en kijk bij de velden met een melding."),
    ),
    429: ErrorText(
        title=_("Even wachten"),
        what=_("Er kwamen te veel pogingen achter elkaar."),
        safe=_("Er is niets geblokkeerd en niets verloren."),
        next=_("Wacht even."),
    ),
    500: ErrorText(
        title=_("Er ging iets mis bij ons"),
        what=_("De fout ligt bij ons en is vastgelegd, zonder de inhoud van berichten."),
        safe=_("Berichten en concepten staan nog veilig."),
        next=_("Probeer het over een minuut opnieuw."),
    ),
    503: ErrorText(
        title=_("Het is nu even druk"),
        what=_("De dienst kan dit op dit moment niet aan."),
        safe=_("Er is niets verloren: wat getypt is, staat nog op de vorige pagina."),
        next=_("Wacht een minuut en probeer het opnieuw."),
    ),
}

FIELD_TEXTS: dict[str, LazyString] = {
    "address.empty": _("Vul een e-mailadres in."),
    "address.invalid": _("Dit adres is niet compleet. Schrijf het zo: naam@kantoor.nl"),
    "address.long": _("Dit adres is langer dan een e-mailadres mag zijn."),
    "address.control": _("In dit adres staan tekens die niet in een e-mailadres kunnen."),
    "name.empty": _("Vul een naam in."),
    "name.long": _("Deze naam is te lang. Gebruik hoogstens 120 tekens."),
    "name.control": _("In deze naam staan tekens die niet kunnen."),
    "name.link": _("Vul een naam in, zonder link of e-mailadres."),
    "organisation.empty": _("Vul de naam van de organisatie in."),
    "organisation.long": _("Deze naam is te lang. Gebruik hoogstens 120 tekens."),
    "organisation.control": _("In deze naam staan tekens die niet kunnen."),
    "password.empty": _("Vul een wachtwoord in."),
    "password.short": _("Dit wachtwoord is te kort. Gebruik minstens 15 tekens."),
    "password.short_12": _("Dit wachtwoord is te kort. Gebruik minstens 12 tekens."),
    "password.long": _("Dit wachtwoord is langer dan 1024 tekens. Kies een korter wachtwoord."),
    "password.common": _("Dit wachtwoord staat op de lijst van veelgebruikte wachtwoorden. Kies een ander."),
    "password.name": _("Dit wachtwoord bestaat uit je naam of die van je organisatie. Kies een ander."),
    "login.wrong": _("Het e-mailadres of het wachtwoord klopt niet."),
    "stepup.wrong": _("Dit wachtwoord klopt niet."),
    "token.empty": _("Vul de code in, of open de link uit de e-mail opnieuw."),
    "token.invalid": _("Deze code klopt niet of is al gebruikt. Vraag een nieuwe e-mail."),
    "token.expired": _("Deze code is verlopen. Vraag een nieuwe e-mail."),
    "address.foreign": _("Met dit adres kun je je hier niet aanmelden. Vraag de beheerder om een uitnodiging."),
    "address.unchanged": _("Dit is hetzelfde adres. Vul het juiste adres in."),
    "address.secured": _("Dit adres heeft al een account met een extra inlogmethode."),
    "address.yourself": _("Dit is je eigen adres."),
    "invitation.empty": _("Vul de code in, of open de link uit de e-mail opnieuw."),
    "invitation.invalid": _(
        "Deze code klopt niet, of er is een nieuwere uitnodiging. Kijk in je e-mail naar de laatste uitnodiging."
    ),
    "invitation.expired": _("Deze uitnodiging is verlopen. Vraag aan wie je uitnodigde om een nieuwe."),
    "invitation.withdrawn": _(
        "Deze uitnodiging is net ingetrokken. Er is geen account gemaakt. Vraag een nieuwe uitnodiging."
    ),
    "reference.empty": _("Vul dit in: de organisatie vraagt erom."),
    "reference.long": _("Dit is te lang. Gebruik hoogstens 64 tekens."),
    "reference.control": _("Hierin staan tekens die niet kunnen."),
    "people.empty": _("Vul minstens één e-mailadres in, of kies een bestand."),
    "people.long": _("Deze lijst is te lang. Verdeel hem in stukken."),
    "people.many": _("Er kunnen hoogstens 1000 mensen tegelijk worden uitgenodigd. Verdeel de lijst in stukken."),
    "file.binary": _("Dit bestand is geen CSV. Kies in je rekenblad voor opslaan als CSV."),
    "file.large": _("Dit bestand is te groot. Er passen hoogstens 1000 regels in."),
    "label.long": _("Dit is te lang. Gebruik hoogstens 40 tekens."),
    "label.control": _("Hierin staan tekens die niet kunnen."),
    "mail_words.long": _("Dit is te lang. Gebruik hoogstens 160 tekens."),
    "mail_words.control": _("Hierin staan tekens die niet kunnen."),
    "mail_words.link": _("Zet hier geen link of e-mailadres in: ontvangers vertrouwen op één adres."),
    "domains.empty": _("Vul minstens één domein in, bijvoorbeeld kantoor.nl"),
    "domains.invalid": _("Een van deze domeinen klopt niet. Schrijf ze zo: kantoor.nl, praktijk.nl"),
    "domains.many": _("Dit zijn te veel domeinen. Het kunnen er hoogstens 50 zijn."),
    "domains.public": _("Bij dit domein kan iedereen een adres nemen. Kies dan liever voor op uitnodiging."),
    "administrator.already": _("Deze persoon is al beheerder."),
    "administrator.unsecured": _("Deze persoon heeft nog geen 2FA. Vraag eerst om die in te stellen."),
    "administrator.last": _("Dit is de enige beheerder. Maak eerst iemand anders beheerder."),
    "require.own": _("Stel eerst voor jezelf een extra inlogmethode in. Anders kun je zelf niet meer verder."),
    "setup.invalid": _("Deze installatiecode klopt niet. Open de link die bij het starten verscheen."),
    "recovery_code.empty": _("Vul je herstelcode in."),
    "recovery_code.typing": _(
        "Deze code is niet goed overgenomen. Het zijn negen groepjes van vier letters en cijfers."
    ),
    "recovery_code.wrong": _("Deze herstelcode hoort niet bij dit account. Misschien is het een oudere code."),
    "understood.empty": _("Vink dit aan als je verder wilt."),
    "saved.codes": _("Bewaar eerst de codes en vink dit aan."),
    "saved.empty": _("Bewaar eerst de code en vink dit aan."),
    "address.same": _("Dit is al je e-mailadres. Vul een ander adres in."),
    "address.other": _("Dit is niet je eigen e-mailadres. Typ het precies zoals het hierboven staat."),
    "photo.empty": _("Kies eerst een foto."),
    "photo.large": _("Deze foto is groter dan 5 MB. Kies een kleinere."),
    "photo.kind": _("Dit bestand is geen JPEG, PNG of WebP, of het is beschadigd. Kies een ander."),
    "photo.pixels": _("Deze foto heeft te veel beeldpunten. Verklein hem eerst."),
    "zone.unknown": _("Kies een plaats uit de lijst."),
    "phone.empty": _("Vul een telefoonnummer in."),
    "phone.invalid": _(
        "Dit nummer kan geen sms krijgen. Kijk of het klopt, bijvoorbeeld 06 12345678 of +32 470 12 34 56."
    ),
    "phone.country": _("Dit landnummer bestaat niet of krijgt geen sms. Begin met + en het landnummer, zoals +32."),
    "phone.fixed_line": _("Dit is een vast nummer: daar komt geen sms aan. Vul een mobiel nummer in."),
    "phone.known": _("Dit nummer staat al bij je account. Vul een ander nummer in."),
    "passkey.empty": _("Geef de passkey een naam waaraan je hem herkent, zoals: telefoon."),
    "passkey.long": _("Deze naam is te lang. Gebruik hoogstens 60 tekens."),
    "passkey.control": _("In deze naam staan tekens die niet kunnen."),
    "method.empty": _("Kies een van de manieren."),
    "form.last_step_password": _(
        "Je wachtwoord is te kort om zonder extra inlogmethode te gebruiken. "
        "Kies eerst een wachtwoord van minstens 15 tekens."
    ),
    "form.last_step_wanted": _(
        "Je organisatie vraagt een extra inlogmethode, en dit is de enige die je hebt. Stel eerst een andere in."
    ),
    "agreed.short": _("Dit wachtwoord is te kort. Gebruik minstens 8 tekens."),
    "agreed.long": _("Dit wachtwoord is langer dan 1024 tekens. Kies een korter wachtwoord."),
    "hint.long": _("Deze hint is te lang. Gebruik hoogstens 120 tekens."),
    "hint.telling": _("In deze hint staat het wachtwoord zelf. Schrijf iets dat alleen de ontvanger begrijpt."),
    "hint.control": _("In deze hint staan tekens die niet kunnen."),
    "check.minimum": _("Je organisatie vraagt een controle. Tik op de ontvanger en kies hoe die zich bekendmaakt."),
    "check.no_sms": _("Er worden hier geen sms-berichten verstuurd. Kies een andere controle."),
    "check.no_account": _("Deze ontvanger heeft geen account. Kies een andere controle."),
    "check.missing": _("Vul in wat er nog mist."),
    "expiry_days.days": _("Vul een aantal dagen in, hoogstens 3650. Leeg betekent nooit."),
    "remind_days.days": _("Vul een aantal dagen in, hoogstens 3650. Leeg betekent nooit."),
    "reply.empty": _("Schrijf eerst een antwoord."),
    "reply.long": _("Dit antwoord is langer dan 1 MB. Er is niets verstuurd; maak het korter."),
    "reply.control": _("In dit antwoord staan tekens die niet verstuurd kunnen worden."),
}


def error_text(status: int) -> ErrorText:
    """The words for a status; an unlisted one is told as ours from 500 on, else as the request's."""
    if status in ERROR_TEXTS:
        return ERROR_TEXTS[status]
    return ERROR_TEXTS[500 if status >= 500 else 400]


def field_text(field: str, code: str) -> LazyString:
    """The sentence at a field for an InvalidInput."""
    return FIELD_TEXTS.get(f"{field}.{code}", ERROR_TEXTS[422].what)
