"""Pictures that people see: sources of frames, drawing, windows, videos."""
