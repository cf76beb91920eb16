"""`python -m app.cli` is the same command as `analyticbot`."""

from app.cli import main

main()
