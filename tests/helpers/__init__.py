"""What several tests share: scenes, workspaces, servers that misbehave."""
