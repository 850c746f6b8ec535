"""Open Sound Control: the server and its UDP transport. Control process; the only importer of python-osc."""
