"""OSCQuery: HTTP and web sockets on the port number of OSC. Control process."""
