"""What a WSGI server loads."""

from app.boot import boot
from app.core.parent import end_with_parent
from app.web import create_app

end_with_parent()
app = create_app(boot("web"))
