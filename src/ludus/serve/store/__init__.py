"""What is kept: tables and the one writer, on SQLite or PostgreSQL; how events get there, judged; metrics; runs."""
