"""From a workspace and trackers to raw results: what is missing, run on many cores, and told while it runs."""
