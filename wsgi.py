"""The WSGI entry: any WSGI server starts the service as `wsgi:app`."""

from lti_service.app import create_app

app = create_app()
