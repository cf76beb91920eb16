"""Runs inside a checkout of Healthchecks, with its own Python: renders its project page as often as asked on stdin.

Arguments: the database's file, and how many checks the project has. Answers with the CPU seconds of that many pages.
"""

import io
import os
import sys
import time
import uuid
from datetime import timedelta

sys.path.insert(0, os.getcwd())
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "hc.settings",
    "DB": "sqlite",
    "DB_NAME": sys.argv[1],
    "DEBUG": "False",
    "SECRET_KEY": "bench",
    "ALLOWED_HOSTS": "*",
}

import django  # noqa: E402

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils.timezone import now  # noqa: E402
from hc.accounts.models import Profile, Project  # noqa: E402
from hc.api.models import Check  # noqa: E402


def prepared(checks):
    """The project's path and the Cookie header of its owner."""
    call_command("migrate", verbosity=0)
    call_command("compress", verbosity=0)
    user = User.objects.create_user("bench", "bench@example.org", "bench")
    project = Project.objects.create(owner=user, name="bench", code=uuid.uuid4())
    Profile.objects.for_user(user)
    for n in range(checks):
        last = now() - timedelta(minutes=n)
        Check.objects.create(
            project=project, name=f"Check {n}", tags=f"tag{n % 7}", status="up", n_pings=n, last_ping=last
        )
    client = Client()
    client.force_login(user)
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    return f"/projects/{project.code}/checks/", cookies


def main():
    path, cookies = prepared(int(sys.argv[2]))
    app = get_wsgi_application()
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "HTTP_COOKIE": cookies,
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
    }
    statuses = []

    def send():
        answer = app(environ | {"wsgi.input": io.BytesIO()}, lambda status, _headers: statuses.append(status))
        b"".join(answer)
        answer.close()
        if not statuses.pop().startswith("200"):
            raise SystemExit("no project page")

    for _ in range(3):
        send()
    print("ready", flush=True)
    for line in sys.stdin:
        before = time.process_time()
        for _ in range(int(line)):
            send()
        print(time.process_time() - before, flush=True)


main()
