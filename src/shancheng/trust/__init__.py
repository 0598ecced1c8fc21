"""What proves who did what and when: the transparency log, identities and contracts."""
