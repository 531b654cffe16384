"""What is streamed: records by number to all who listen, and pictures of the lanes that somebody watches."""
