"""The application: `create_app` wires the wings together and holds no rule of its own."""

from flask import Flask

from config import Settings, load_settings
from lti_service import db, edge, health, holdings, limits, logs, looks, mail, pages, queue
from lti_service.commands import register_commands
from lti_service.connections import views as connections
from lti_service.entrance import views as entrance
from lti_service.indicators import views as indicators
from lti_service.pairs import guests as guest_pairs
from lti_service.pairs.longterm import views as longterm
from lti_service.pairs.work import views as work
from lti_service.people import views as people
from lti_service.people.consents import scans
from lti_service.platforms import outgoing, secrets
from lti_service.platforms.directory import directory
from lti_service.programme import views as programme
from lti_service.surveys import views as surveys


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application; settings come from the environment unless given."""
    settings = settings or load_settings()
    logs.configure(settings.log_level, settings.log_format)
    app = Flask(__name__)
    app.config["SECRET_KEY"] = settings.secret_key
    app.extensions["settings"] = settings
    db.init_app(app, settings.database_url)
    queue.connect(settings.queue_url)
    secrets.connect(settings.encryption_keys)
    outgoing.connect(settings.allowed_private_hosts)
    scans.connect(settings.scans_path)
    directory.forget()
    mail.connect(settings)
    limits.init_app(app, settings)
    edge.init_app(app, settings)
    pages.init_app(app)
    looks.init_app(app)
    entrance.init_app(app)
    for wing in (health, programme, people, guest_pairs, work, longterm, surveys, indicators, connections):
        app.register_blueprint(wing.blueprint)
    register_commands(app)
    # Imported for what the wings say in it.
    app.extensions["holdings"] = holdings.WINGS
    return app
