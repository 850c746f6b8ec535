"""The audio process: device, callback, engine; and the shared memory between it and the control process."""
