"""The WSGI object and nothing else."""

import os

from securemail.config import Settings
from securemail.runtime import Runtime
from securemail.web import create_app

app = create_app(Runtime.from_settings(Settings.from_environ(os.environ)))
