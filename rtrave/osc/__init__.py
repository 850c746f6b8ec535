"""Open Sound Control over UDP; the only importer of python-osc. Used in the control process."""
