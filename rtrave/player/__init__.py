"""A live run, seen from the control process: it starts, watches, records and shows the audio process."""
