"""HTTP and web sockets on the number of the OSC port: OSCQuery. Used in the control process."""
