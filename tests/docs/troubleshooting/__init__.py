"""The errors of zvol: collected from its source, provoked through the installed command, and the page about them."""
