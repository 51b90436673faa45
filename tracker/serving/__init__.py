"""Both ends of TraX: the server that offers a tracker to the toolkit, and the client that hears other servers."""
