"""What lies in a workspace: ground truth, raw results, what is measured of them, and where it is kept."""
