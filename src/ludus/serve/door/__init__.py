"""Who may come in: sockets and servers, keys, and the checks that stand before every route."""
