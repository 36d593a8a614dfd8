"""Everything that touches the world: dataflows, sources, sinks, settings and the command line."""
