"""`python -m zvol`."""

from zvol.cli import main

main()
