"""Another password, another recovery code: proved first, and every other browser is out."""

import re

import pytest
from flask import Flask

from securemail.identity import vault
from tests.house import PASSWORD, SANNE, House
from tests.visitor import Visitor, alerts

NEW = "veertien zilveren lepels op tafel"


def change(browser: Visitor, password: str = NEW) -> object:
    browser.get("/settings/password")
    return browser.post("/settings/password", {"password": password})


def test_the_new_password_logs_in_and_the_old_one_does_not(app: Flask, sanne: Visitor) -> None:
    assert change(sanne).status_code == 303
    assert sanne.get("/inbox").status_code == 200
    assert Visitor(app).log_in(SANNE[0], PASSWORD).status_code == 422
    assert Visitor(app).log_in(SANNE[0], NEW).status_code == 303
