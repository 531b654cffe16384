"""A worker's end: events kept until they are acknowledged, films and clips, and its own small server."""
