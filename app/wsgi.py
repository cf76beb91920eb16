"""What a WSGI server loads."""

from app.boot import boot
from app.web import create_app

app = create_app(boot("web"))
