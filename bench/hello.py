"""What a WSGI server loads to serve the smallest Flask app."""

from bench.wsgi_calls import hello_app

app = hello_app()
