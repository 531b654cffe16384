"""The ground floor: values, protocols, errors, settings, seeded randomness, digests, files, clocks."""
