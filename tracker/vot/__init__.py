"""What plugs into the toolkit's process: measures, experiments, results, submissions. Never imports torch."""
