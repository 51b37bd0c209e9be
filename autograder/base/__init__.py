"""What every other room may use: errors, whole files, locks, folders whose owner works against us."""
