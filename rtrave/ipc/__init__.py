"""Shared memory and messages between the control process and the audio process."""
