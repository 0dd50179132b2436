"""The verbs, each one file; whoever assembles the gateway chooses which it has."""
