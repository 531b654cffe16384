"""`python -m ludus.cli`: the command line, for who knows the interpreter but not where its programs lie."""

from ludus.cli import main

raise SystemExit(main())
