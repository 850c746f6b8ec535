"""A live run, seen from the control process: who starts whom, who watches, who records, what is shown."""
